import type { Principal } from "./principal.ts";
import { RecentMap } from "./recent-map.ts";

/** How long a refused credential stays refused, at most: short, because a key may just have been created. */
const maxRefusedMs = 5_000;

interface Accepted {
  readonly principal: Principal;
  readonly untilMs: number;
}

/**
 * Remembers decisions by fingerprint, at most `capacity` accepted and as many refused ones. Refused ones are kept apart:
 * whoever makes up keys must not push those out that work.
 */
export class DecisionCache {
  readonly #accepted: RecentMap<Accepted>;
  /** Holds the time until which a refusal stands. */
  readonly #refused: RecentMap<number>;
  readonly #acceptedMs: number;
  readonly #refusedMs: number;
  readonly #nowMs: () => number;

  /** @param acceptedMs how long an accepted credential is trusted: the longest time that a revoked one still works */
  constructor(capacity: number, acceptedMs: number, nowMs: () => number) {
    this.#accepted = new RecentMap(capacity);
    this.#refused = new RecentMap(capacity);
    this.#acceptedMs = acceptedMs;
    this.#refusedMs = Math.min(acceptedMs, maxRefusedMs);
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#accepted.size + this.#refused.size;
  }

  /** Undefined where nothing is known or the decision has run out. */
  get(fingerprint: string): Principal | "refused" | undefined {
    const accepted = this.#accepted.get(fingerprint);
    if (accepted) return accepted.untilMs > this.#nowMs() ? accepted.principal : undefined;
    const refusedUntilMs = this.#refused.get(fingerprint);
    return refusedUntilMs !== undefined && refusedUntilMs > this.#nowMs() ? "refused" : undefined;
  }

  /** Whether the credential was accepted the last time that it was judged, if that is still remembered. */
  wasAccepted(fingerprint: string): boolean {
    return this.#accepted.has(fingerprint);
  }

  /** @param trustedMs where the credential itself ends sooner than the cache's time */
  accept(fingerprint: string, principal: Principal, trustedMs = Infinity): void {
    this.#refused.delete(fingerprint);
    const untilMs = this.#nowMs() + Math.min(this.#acceptedMs, trustedMs);
    this.#accepted.set(fingerprint, { principal, untilMs });
  }

  refuse(fingerprint: string): void {
    this.#accepted.delete(fingerprint);
    this.#refused.set(fingerprint, this.#nowMs() + this.#refusedMs);
  }
}
