// What options take, for all verbs: commander calls these with the text that was given.
import { InvalidArgumentError } from 'commander';

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
    return value;
  };
}

/** Of an option that may be given more than once. */
export function collect(value: string, all: string[]): string[] {
  return [...all, value];
}
