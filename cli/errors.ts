// How a verb fails: any Error is printed once and gives exit code 1; a UsageError gives 2, as commander's own do.

/** The command line itself is wrong. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
