/** What has to end by a time. */
export interface Expiring {
  /** On the clock of `performance.now()`. */
  expiresAtMs: number;
  /** Called once the time has passed; it is not watched any more then. */
  expire(): void;
}

/** How late an expiry may be noticed, in ms: well below any deadline, and few wake-ups. */
const sweepMs = 10;

/**
 * Watches many deadlines with one timer: a timer of its own for each request would cost more than the rest of its
 * bookkeeping, and a stream moves its deadline with every token. Runs only while there is something to watch.
 */
export class Deadlines {
  readonly #watched = new Set<Expiring>();
  #timer: NodeJS.Timeout | undefined;

  add(expiring: Expiring): void {
    this.#watched.add(expiring);
    this.#timer ??= setInterval(this.#sweep, sweepMs);
  }

  delete(expiring: Expiring): void {
    this.#watched.delete(expiring);
  }

  readonly #sweep = (): void => {
    const nowMs = performance.now();
    for (const expiring of this.#watched) {
      if (expiring.expiresAtMs > nowMs) continue;
      this.#watched.delete(expiring);
      expiring.expire();
    }
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}
