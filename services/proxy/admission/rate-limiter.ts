import type { RateLimit } from "../../../platform/routes/routing-table.ts";

const minuteMs = 60_000;

/**
 * Longest time that a bucket of tokens can stay empty, in ms. Tokens are known only when an engine has reported them,
 * so requests sent at once can overdraw a bucket by far; beyond ten minutes' worth the excess is forgiven, because a
 * caller that is shut out for hours by one burst would be taken for a fault of the proxy.
 */
const longestDebtMs = 10 * minuteMs;

/** A millionth of a second of grace: sums of intervals such as 60000/7 ms are not exact. */
const graceMs = 0.001;

/** Buckets looked at to make room for a new one: enough to find a full one where an eighth of them are. */
const lookedAtForRoom = 8;

/**
 * Two buckets of one key, each as the time when it will be full again: what was taken is the time that the rate needs
 * to fill it up. A time in the past is a full bucket.
 */
interface Buckets {
  readonly key: string;
  requestsFullAtMs: number;
  tokensFullAtMs: number;
}

/**
 * Requests and tokens a minute for each key, by token buckets that hold a minute's worth: over any t seconds at most
 * a minute's worth and t seconds' worth of requests are let in. Keys begin with full buckets.
 *
 * The number of keys is bounded, and the keys may be an attacker's choice. Full buckets hold no information and go
 * first; where none is found, that one of a few goes that will be full soonest. So new keys, which owe one request, push
 * each other out, and a debtor goes only from among others that owe at least as much. By least recent use, one request
 * for each of many new keys would do to have every debt forgotten. All operations take constant time.
 */
export class RateLimiter {
  readonly #capacity: number;
  readonly #byKey = new Map<string, Buckets>();
  /** The same buckets, in the order in which they are looked at for room. */
  readonly #ring: Buckets[] = [];
  #hand = 0;
  /** What one request and one token are worth in time; 0 where there is no limit. */
  #msPerRequest = 0;
  #msPerToken = 0;

  /** `capacity`: most keys, about 200 bytes each. */
  constructor(rate: RateLimit, capacity = 10_000) {
    this.#capacity = capacity;
    this.setRate(rate);
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Another rate, at a reload. Who has to wait still waits as long as it was told. */
  setRate({ requestsPerMinute = Infinity, tokensPerMinute = Infinity }: RateLimit): void {
    this.#msPerRequest = minuteMs / requestsPerMinute;
    this.#msPerToken = minuteMs / tokensPerMinute;
  }

  /**
   * 0 if one more request of the key is allowed, else after how many whole seconds it may be, at least 1. A request is
   * allowed while there are tokens left, whatever it will use. Takes nothing: another limit may still refuse it.
   */
  waitSeconds(key: string, nowMs: number): number {
    const buckets = this.#byKey.get(key);
    if (!buckets) return 0;
    const waitMs = Math.max(
      shortageMs(buckets.requestsFullAtMs, this.#msPerRequest, nowMs),
      shortageMs(buckets.tokensFullAtMs, this.#msPerToken, nowMs),
    );
    return waitMs > graceMs ? Math.ceil(waitMs / 1000) : 0;
  }

  /** Takes one request of the key. */
  take(key: string, nowMs: number): void {
    const buckets = this.#byKey.get(key) ?? this.#add(key, nowMs);
    buckets.requestsFullAtMs = Math.max(buckets.requestsFullAtMs, nowMs) + this.#msPerRequest;
  }

  /** Takes the tokens that a request has used, down to a debt of ten minutes' worth. */
  charge(key: string, tokens: number, nowMs: number): void {
    if (this.#msPerToken === 0 || !(tokens > 0)) return;
    const buckets = this.#byKey.get(key) ?? this.#add(key, nowMs);
    buckets.tokensFullAtMs = Math.min(
      Math.max(buckets.tokensFullAtMs, nowMs) + tokens * this.#msPerToken,
      nowMs + minuteMs + longestDebtMs,
    );
  }

  #add(key: string, nowMs: number): Buckets {
    const buckets: Buckets = { key, requestsFullAtMs: nowMs, tokensFullAtMs: nowMs };
    if (this.#ring.length < this.#capacity) {
      this.#ring.push(buckets);
    } else {
      const at = this.#leastOwing(nowMs);
      const dropped = this.#ring[at];
      if (dropped) this.#byKey.delete(dropped.key);
      this.#ring[at] = buckets;
    }
    this.#byKey.set(key, buckets);
    return buckets;
  }

  /** Where the next buckets to be dropped are in the ring. Moves the hand, so that all are looked at in turn. */
  #leastOwing(nowMs: number): number {
    let found = this.#hand;
    let foundFullAtMs = Infinity;
    for (let looked = 0; looked < lookedAtForRoom && foundFullAtMs > nowMs; looked++) {
      const buckets = this.#ring[this.#hand];
      const fullAtMs = buckets ? Math.max(buckets.requestsFullAtMs, buckets.tokensFullAtMs) : 0;
      if (fullAtMs < foundFullAtMs) {
        found = this.#hand;
        foundFullAtMs = fullAtMs;
      }
      this.#hand = (this.#hand + 1) % this.#ring.length;
    }
    return found;
  }
}

/**
 * How long it takes until a bucket holds one more unit. It holds a minute's worth, and at least one unit: a rate below
 * one a minute would otherwise allow nothing ever.
 */
function shortageMs(fullAtMs: number, msPerUnit: number, nowMs: number): number {
  // A limit that a reload has lifted leaves debts behind.
  if (msPerUnit === 0) return 0;
  return Math.max(fullAtMs, nowMs) + msPerUnit - nowMs - Math.max(minuteMs, msPerUnit);
}
