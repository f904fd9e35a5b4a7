/** How far back is looked, in ms: long enough to even out the batches of an engine, short enough to see it slow down. */
const memoryMs = 10_000;

/**
 * How fast places become free while somebody waits for them. Times when nobody waits do not count: an engine that is
 * asked little is not a slow one. Older departures and older time fade alike, so the first seconds are not understated.
 */
export class DepartureRate {
  #departures = 0;
  #observedMs = 0;
  #seenAtMs = 0;

  /** Somebody waits from now on. */
  resume(nowMs: number): void {
    this.#seenAtMs = nowMs;
  }

  /** A place has become free while somebody waited. */
  departed(nowMs: number): void {
    this.#observe(nowMs);
    this.#departures++;
  }

  /** Mean time between two departures in ms; 0 before anybody has waited. Called while somebody waits. */
  gapMs(nowMs: number): number {
    this.#observe(nowMs);
    // The one that is about to come counts: without it, nothing could be said before the first departure.
    return this.#observedMs / (this.#departures + 1);
  }

  #observe(nowMs: number): void {
    const kept = Math.exp((this.#seenAtMs - nowMs) / memoryMs);
    this.#departures *= kept;
    this.#observedMs = this.#observedMs * kept + memoryMs * (1 - kept);
    this.#seenAtMs = nowMs;
  }
}
