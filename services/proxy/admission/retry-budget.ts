/**
 * Retries for each request. Beyond a fifth, retries are no longer the repair of single failures but a load of their
 * own, which keeps an engine down that is failing because of load.
 */
const share = 0.2;

/**
 * Retries a second that are allowed whatever the number of requests: a quiet model that loses a replica must be able to
 * send all that was in flight to another one, and ten a second are no load worth limiting.
 */
const floorPerSecond = 10;

/** Requests count for about this long, in ms: it covers the time until a dead endpoint is no longer chosen. */
const memoryMs = 10_000;

/** What is left where nobody asks for anything. */
const restingBalance = (floorPerSecond * memoryMs) / 1000;

/** How exact fading has to be, in ms: an exponential for every request would cost more than the rest together. */
const fadingStepMs = 100;

/**
 * How many retries may still be sent: a fifth of the recent requests and 10 a second. One number, which requests raise,
 * retries lower, and time draws back to its resting value of 100, from either side. So from the start on there are never
 * more retries than 100, a fifth of all requests and 10 a second together. Needs no timer and takes constant time.
 */
export class RetryBudget {
  #balance = restingBalance;
  #fadedAtMs = 0;

  /** A request has come for the first time. */
  requested(nowMs: number): void {
    if (nowMs - this.#fadedAtMs >= fadingStepMs) this.#fade(nowMs);
    this.#balance += share;
  }

  /** Takes one retry; false where the request has to fail instead. */
  tryRetry(nowMs: number): boolean {
    this.#fade(nowMs);
    if (this.#balance < 1) return false;
    this.#balance--;
    return true;
  }

  #fade(nowMs: number): void {
    const kept = Math.exp((this.#fadedAtMs - nowMs) / memoryMs);
    this.#balance = restingBalance + (this.#balance - restingBalance) * kept;
    this.#fadedAtMs = nowMs;
  }
}
