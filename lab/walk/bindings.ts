// Comparing facts with what was expected, where an expected value may be the name of a port that the kernel chose: it
// is bound at first sight and must then be the same everywhere in the walk.
import type { ExpectedFacts } from './expected.js';

export type Facts = Record<string, string | number>;

export class Bindings {
  readonly #values = new Map<string, number>();

  constructor(private readonly names: readonly string[]) {}

  /** The expected value with names replaced; undefined while the name is not bound. */
  resolve(value: string | number): string | number | undefined {
    return typeof value === 'string' && this.names.includes(value) ? this.#values.get(value) : value;
  }

  /** One line for each fact that is not as expected; binds names when `actual` agrees otherwise. */
  differences(expected: ExpectedFacts, actual: Facts): string[] {
    const wrong: string[] = [];
    for (const [name, value] of Object.entries(expected)) {
      const want = this.resolve(value);
      const got = actual[name];
      if (want === undefined ? typeof got !== 'number' : String(got) !== String(want)) {
        wrong.push(`${name}: expected ${want ?? `a number (${value})`}, got ${got ?? 'nothing'}`);
      }
    }
    return wrong;
  }

  matches(expected: ExpectedFacts, actual: Facts): boolean {
    return this.differences(expected, actual).length === 0;
  }

  /** Binds the names in `expected` that are still free. */
  bind(expected: ExpectedFacts, actual: Facts): void {
    for (const [name, value] of Object.entries(expected)) {
      const got = actual[name];
      if (this.resolve(value) === undefined && typeof got === 'number') this.#values.set(String(value), got);
    }
  }

  /** `text` with each bound name replaced by its number, for telling: "10.222.2.1:masq". */
  fill(text: string): string {
    return text.replace(/(?<=:)[a-z]+\b/g, (name) => String(this.#values.get(name) ?? name));
  }
}
