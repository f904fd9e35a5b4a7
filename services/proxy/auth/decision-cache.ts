import type { Principal } from "./principal.ts";

/** How long a refused credential stays refused, at most: short, because a key may just have been created. */
const maxRefusedMs = 5_000;

interface Timed<T> {
  readonly value: T;
  readonly untilMs: number;
}

/**
 * Remembers decisions by fingerprint, at most `capacity` accepted and as many refused ones; the least recently used is
 * dropped first. Refused ones are kept apart: whoever makes up keys must not push those out that work.
 */
export class DecisionCache {
  readonly #accepted = new Map<string, Timed<Principal>>();
  /** Holds the time until which a refusal stands. */
  readonly #refused = new Map<string, number>();
  readonly #capacity: number;
  readonly #acceptedMs: number;
  readonly #refusedMs: number;
  readonly #nowMs: () => number;

  /** @param acceptedMs how long an accepted credential is trusted: the longest time that a revoked one still works */
  constructor(capacity: number, acceptedMs: number, nowMs: () => number) {
    this.#capacity = capacity;
    this.#acceptedMs = acceptedMs;
    this.#refusedMs = Math.min(acceptedMs, maxRefusedMs);
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#accepted.size + this.#refused.size;
  }

  /** Undefined where nothing is known or the decision has run out. */
  get(fingerprint: string): Principal | "refused" | undefined {
    const decision = this.#accepted.get(fingerprint);
    if (decision) {
      if (decision.untilMs <= this.#nowMs()) return undefined;
      this.#accepted.delete(fingerprint);
      this.#accepted.set(fingerprint, decision);
      return decision.value;
    }
    const refusedUntilMs = this.#refused.get(fingerprint);
    if (refusedUntilMs === undefined) return undefined;
    if (refusedUntilMs > this.#nowMs()) return "refused";
    this.#refused.delete(fingerprint);
    return undefined;
  }

  /** Whether the credential was accepted the last time that it was judged, if that is still remembered. */
  wasAccepted(fingerprint: string): boolean {
    return this.#accepted.has(fingerprint);
  }

  /** @param trustedMs where the credential itself ends sooner than the cache's time */
  accept(fingerprint: string, principal: Principal, trustedMs = Infinity): void {
    this.#refused.delete(fingerprint);
    this.#accepted.delete(fingerprint);
    const untilMs = this.#nowMs() + Math.min(this.#acceptedMs, trustedMs);
    this.#accepted.set(fingerprint, { value: principal, untilMs });
    dropOldest(this.#accepted, this.#capacity);
  }

  refuse(fingerprint: string): void {
    this.#accepted.delete(fingerprint);
    this.#refused.delete(fingerprint);
    this.#refused.set(fingerprint, this.#nowMs() + this.#refusedMs);
    dropOldest(this.#refused, this.#capacity);
  }
}

function dropOldest(map: Map<string, unknown>, capacity: number): void {
  if (map.size <= capacity) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
