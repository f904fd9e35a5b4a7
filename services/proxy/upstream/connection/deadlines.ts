/** What has to end by a time. */
export interface Expiring {
  /** On the clock of `performance.now()`. */
  expiresAtMs: number;
  /** Its place among what is watched, for `Deadlines` alone; `unwatched` where it is not watched. */
  watchPlace: number;
  /** Called once the time has passed; it is not watched any more then. */
  expire(): void;
}

/** The place of what is not watched. */
export const unwatched = -1;

/** How late an expiry may be noticed, in ms: well below any deadline, and few wake-ups. */
const sweepMs = 10;

/**
 * Watches many deadlines with one timer: a timer of its own for each request would cost more than the rest of its
 * bookkeeping, and a stream moves its deadline with every token. Runs only while there is something to watch.
 *
 * An array, and not a `Set`: a set that is added to and deleted from moves into ever new tables, the old ones point to
 * the new ones, and so the first one that grows old keeps every request since then from the cheap garbage collection.
 */
export class Deadlines {
  /** Without gaps and in no order. */
  readonly #watched: Expiring[] = [];
  #timer: NodeJS.Timeout | undefined;

  add(expiring: Expiring): void {
    expiring.watchPlace = this.#watched.length;
    this.#watched.push(expiring);
    this.#timer ??= setInterval(this.#sweep, sweepMs);
  }

  /** Nothing happens where it is not watched. */
  delete(expiring: Expiring): void {
    const place = expiring.watchPlace;
    if (place === unwatched) return;
    expiring.watchPlace = unwatched;
    const last = this.#watched.pop();
    if (last === undefined || last === expiring) return;
    last.watchPlace = place;
    this.#watched[place] = last;
  }

  readonly #sweep = (): void => {
    const nowMs = performance.now();
    // From the end: what takes the place of one that leaves has been looked at, whoever else leaves with it.
    for (let place = this.#watched.length - 1; place >= 0; place--) {
      const expiring = this.#watched[place];
      if (expiring === undefined || expiring.expiresAtMs > nowMs) continue;
      this.delete(expiring);
      expiring.expire();
    }
    if (this.#watched.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}
