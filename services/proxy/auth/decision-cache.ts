/** How long an accepted credential is trusted: the longest time that a revoked key still works. */
const acceptedMs = 60_000;
/** How long a refused credential stays refused: short, because a key may just have been created. */
const refusedMs = 5_000;

interface Decision {
  readonly accepted: boolean;
  readonly untilMs: number;
}

/** Remembers decisions by fingerprint, at most `capacity` of them; the least recently used is dropped first. */
export class DecisionCache {
  readonly #decisions = new Map<string, Decision>();
  readonly #capacity: number;
  readonly #nowMs: () => number;

  constructor(capacity: number, nowMs: () => number) {
    this.#capacity = capacity;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#decisions.size;
  }

  /** Undefined where nothing is known or the decision has run out. */
  get(fingerprint: string): boolean | undefined {
    const decision = this.#decisions.get(fingerprint);
    if (!decision) return undefined;
    this.#decisions.delete(fingerprint);
    if (decision.untilMs <= this.#nowMs()) return undefined;
    this.#decisions.set(fingerprint, decision);
    return decision.accepted;
  }

  set(fingerprint: string, accepted: boolean): void {
    this.#decisions.delete(fingerprint);
    this.#decisions.set(fingerprint, {
      accepted,
      untilMs: this.#nowMs() + (accepted ? acceptedMs : refusedMs),
    });
    if (this.#decisions.size <= this.#capacity) return;
    const oldest = this.#decisions.keys().next();
    if (!oldest.done) this.#decisions.delete(oldest.value);
  }
}
