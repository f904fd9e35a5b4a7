import { certain } from "../certain.ts";

/** Arrivals of which the next one is known before it is taken, and which end after a number of them at the latest. */
export class ArrivalSource<Arrival extends { readonly arrivalMillis: number }> {
  readonly #iterator: Iterator<Arrival>;
  readonly #most: number;
  #next: Arrival | undefined;
  #taken = 0;

  constructor(arrivals: Iterable<Arrival>, most: number) {
    this.#iterator = arrivals[Symbol.iterator]();
    this.#most = most;
    this.#advance();
  }

  /** Arrivals that were taken. */
  get taken(): number {
    return this.#taken;
  }

  /** When the next one comes; infinite where there is none. */
  get nextMillis(): number {
    return this.#next?.arrivalMillis ?? Number.POSITIVE_INFINITY;
  }

  /** Throws a RangeError where there is none. */
  take(): Arrival {
    const taken = certain(this.#next);
    this.#taken++;
    this.#advance();
    return taken;
  }

  #advance(): void {
    const result = this.#taken < this.#most ? this.#iterator.next() : undefined;
    this.#next = result === undefined || result.done === true ? undefined : result.value;
  }
}
