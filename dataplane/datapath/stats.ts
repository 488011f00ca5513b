// The slow path's clock: once a second, while megaflows are installed, it credits their counters to the flows, removes
// the idle ones and forgets recirculation ids. With no megaflow there is no timer: the next upcall starts it again, so
// that an idle switch sleeps.

const PERIOD_MS = 1000;

export class Maintenance {
  #timer: NodeJS.Timeout | undefined;

  /** `run` does the work and says whether there is any left for the next second. What it throws, which is our
   *  mistake, is told, and does not end the switch. */
  constructor(
    private readonly run: () => boolean,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** There is work: called by every change that needs looking after. */
  wake(): void {
    if (this.#timer) return;
    this.#timer = setInterval(() => this.#tick(), PERIOD_MS);
    this.#timer.unref(); // it alone keeps no process alive
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    try {
      if (!this.run()) this.stop();
    } catch (error) {
      this.failed(error);
    }
  }
}
