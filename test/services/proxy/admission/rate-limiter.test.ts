import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateLimiter } from "../../../../services/proxy/admission/rate-limiter.ts";

const minuteMs = 60_000;

/** Asks as the proxy does: takes a request where it is allowed. Gives how long it would have to wait. */
function ask(limiter: RateLimiter, key: string, nowMs: number): number {
  const seconds = limiter.waitSeconds(key, nowMs);
  if (seconds === 0) limiter.take(key, nowMs);
  return seconds;
}

/** How many requests in a row are allowed at this moment. */
function allowedAt(limiter: RateLimiter, key: string, nowMs: number): number {
  let allowed = 0;
  while (allowed < 1000 && ask(limiter, key, nowMs) === 0) allowed++;
  return allowed;
}

describe("a limit of requests", () => {
  it.each([1, 7, 60, 599])("lets a minute's worth come at once, and then no more (%d a minute)", (rate) => {
    const limiter = new RateLimiter({ requestsPerMinute: rate });
    expect(allowedAt(limiter, "jane", 1e9)).toBe(rate);
    expect(allowedAt(limiter, "jane", 1e9 + minuteMs)).toBe(rate);
  });

  it("says in whole seconds when the next one is allowed", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 10 });
    allowedAt(limiter, "jane", 0);
    expect(ask(limiter, "jane", 0)).toBe(6);
    expect(ask(limiter, "jane", 5_500)).toBe(1);
    expect(ask(limiter, "jane", 6_000)).toBe(0);
  });

  it("takes nothing where it is only asked, and remembers nobody for that", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 1 });
    for (let count = 0; count < 9; count++) expect(limiter.waitSeconds(`key ${count}`, 0)).toBe(0);
    expect(limiter.size).toBe(0);
  });

  it("keeps keys apart", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 1 });
    expect([ask(limiter, "jane", 0), ask(limiter, "joe", 0), ask(limiter, "jane", 0)]).toEqual([0, 0, 60]);
  });

  it("allows one request now and then at less than one a minute", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 0.5 });
    expect([ask(limiter, "jane", 0), ask(limiter, "jane", 0)]).toEqual([0, 120]);
    expect(ask(limiter, "jane", 2 * minuteMs)).toBe(0);
  });

  it("follows a new rate, and takes waits back only where there is no limit any more", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 1 });
    ask(limiter, "jane", 0);
    limiter.setRate({ requestsPerMinute: 60 });
    expect(ask(limiter, "jane", 0)).toBe(1);
    expect(allowedAt(limiter, "jane", minuteMs)).toBe(60);
    limiter.setRate({});
    expect(allowedAt(limiter, "jane", minuteMs)).toBe(1000);
  });

  it("allows over any time no more than a minute's worth and the time's worth, and all of that", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90 }),
        fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 300, size: "max" }),
        (rate, gaps) => {
          const limiter = new RateLimiter({ requestsPerMinute: rate });
          const allowedMs: number[] = [];
          // The plain bucket that is filled up at every step.
          let left = rate;
          let nowMs = 12_345;
          for (const gapMs of gaps) {
            nowMs += gapMs;
            left = Math.min(rate, left + (gapMs * rate) / minuteMs);
            const allowed = ask(limiter, "jane", nowMs) === 0;
            if (allowed) allowedMs.push(nowMs);
            // Where the plain bucket stands within its rounding error of a whole request, either answer is right.
            if (Math.abs(left - 1) > 1e-5 && allowed !== left >= 1) expect.unreachable(`${left} left`);
            if (allowed) left -= 1;
          }
          const excess = allowedMs.flatMap((fromMs, first) =>
            allowedMs
              .slice(first)
              .map((untilMs, more) => more + 1 - rate - ((untilMs - fromMs) * rate) / minuteMs),
          );
          expect(Math.max(0, ...excess)).toBeLessThan(1e-3);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("lets in who comes back when it was told, and not a second before", () => {
    fc.assert(
      fc.property(
        fc.record({
          requestsPerMinute: fc.double({ min: 0.1, max: 1e4, noNaN: true }),
          tokensPerMinute: fc.double({ min: 1, max: 1e6, noNaN: true }),
        }),
        fc.nat(200),
        fc.nat(1e6),
        (rate, requests, tokens) => {
          const limiter = new RateLimiter(rate);
          for (let count = 0; count < requests; count++) ask(limiter, "jane", 0);
          limiter.charge("jane", tokens, 0);
          const seconds = ask(limiter, "jane", 0);
          expect(Number.isInteger(seconds)).toBe(true);
          if (seconds === 0) return;
          if (seconds > 1) expect(ask(limiter, "jane", (seconds - 1) * 1000 - 1)).toBeGreaterThan(0);
          expect(ask(limiter, "jane", seconds * 1000)).toBe(0);
        },
      ),
    );
  });
});

describe("a limit of tokens", () => {
  it("allows requests while tokens are left, and none while they are owed", () => {
    const limiter = new RateLimiter({ tokensPerMinute: 600 });
    expect(allowedAt(limiter, "jane", 0)).toBe(1000);
    limiter.charge("jane", 599, 0);
    expect(ask(limiter, "jane", 0)).toBe(0);
    limiter.charge("jane", 601, 0);
    // The debt of 600 takes a minute, and one token more than that.
    expect(ask(limiter, "jane", 0)).toBe(61);
    expect(ask(limiter, "jane", 60_000)).toBe(1);
    expect(ask(limiter, "jane", 60_100)).toBe(0);
  });

  it("forgives what goes beyond ten minutes' worth of debt", () => {
    const limiter = new RateLimiter({ tokensPerMinute: 60 });
    limiter.charge("jane", 1e12, 0);
    expect(ask(limiter, "jane", 0)).toBe(601);
    limiter.charge("jane", 1e12, 0);
    expect(ask(limiter, "jane", 0)).toBe(601);
  });

  it("takes no harm from an engine's nonsense", () => {
    const limiter = new RateLimiter({ tokensPerMinute: 60 });
    for (const tokens of [NaN, -1e9, 0]) limiter.charge("jane", tokens, 0);
    limiter.charge("jane", 60, 0);
    expect(ask(limiter, "jane", 0)).toBe(1);
  });

  it("takes nothing from either bucket when the other one refuses", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 2, tokensPerMinute: 60 });
    limiter.charge("jane", 60, 0);
    for (let count = 0; count < 9; count++) expect(ask(limiter, "jane", 0)).toBe(1);
    expect(allowedAt(limiter, "jane", 1_000)).toBe(2);
  });

  it("keeps no key for usage where there is no limit of tokens", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 1 });
    limiter.charge("jane", 10, 0);
    expect(limiter.size).toBe(0);
  });
});

describe("the room for keys", () => {
  it("never holds more than its capacity", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 1 }, 16);
    for (let count = 0; count < 1_000; count++) {
      ask(limiter, `key ${count}`, count);
      expect(limiter.size).toBe(Math.min(count + 1, 16));
    }
  });

  it("goes from full buckets before anybody's debt is forgotten", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 60 }, 64);
    const debtors = Array.from({ length: 32 }, (_, index) => `debtor ${index}`);
    // In turn, so that debtors are everywhere in the ring; the others have their one request back after a second.
    for (const debtor of debtors) {
      allowedAt(limiter, debtor, 0);
      ask(limiter, `once ${debtor}`, 0);
    }
    for (let count = 0; count < 200; count++) ask(limiter, `new ${count}`, 1_000 + 50 * count);
    expect(debtors.filter((debtor) => ask(limiter, debtor, 0) === 0)).toEqual([]);
  });

  it("is fought over by new keys, not taken from those who owe more", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 60 }, 256);
    allowedAt(limiter, "debtor", 0);
    for (let count = 0; count < 100_000; count++) ask(limiter, `attack ${count}`, 0);
    expect(ask(limiter, "debtor", 0)).toBe(1);
    expect(limiter.size).toBe(256);
  });

  it("is there for new keys even where all owe", () => {
    const limiter = new RateLimiter({ requestsPerMinute: 1 }, 8);
    for (let count = 0; count < 100; count++) expect(ask(limiter, `key ${count}`, 0)).toBe(0);
  });
});
