import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RetryBudget } from "../../../../services/proxy/admission/retry-budget.ts";

/** How many retries in a row are allowed at this moment. */
function retriesAt(budget: RetryBudget, nowMs: number): number {
  let retries = 0;
  while (retries < 1e6 && budget.tryRetry(nowMs)) retries++;
  return retries;
}

describe("the budget of retries", () => {
  it("lets a quiet model repeat all that was in flight", () => {
    const budget = new RetryBudget();
    budget.requested(5_000);
    expect(retriesAt(budget, 5_000)).toBe(100);
    expect(budget.tryRetry(5_000)).toBe(false);
  });

  it("fills up again by 10 a second at first, and never beyond 100", () => {
    const budget = new RetryBudget();
    retriesAt(budget, 0);
    expect(retriesAt(budget, 1_000)).toBeGreaterThanOrEqual(9);
    expect(retriesAt(budget, 1_100)).toBeLessThanOrEqual(1);
    expect(retriesAt(budget, 1e9)).toBe(100);
  });

  it("grows with the requests of the last seconds, and forgets older ones", () => {
    const busy = new RetryBudget();
    for (let ms = 0; ms < 60_000; ms++) busy.requested(ms);
    // A fifth of 1000 a second for about ten seconds, and the floor.
    const retries = retriesAt(busy, 60_000);
    expect(retries).toBeGreaterThan(2_000);
    expect(retries).toBeLessThan(2_130);
    const quiet = new RetryBudget();
    for (let ms = 0; ms < 60_000; ms++) quiet.requested(ms);
    expect(retriesAt(quiet, 180_000)).toBe(100);
  });

  it("lets a fifth through, and the floor, where every request fails and would be retried", () => {
    const budget = new RetryBudget();
    let retries = 0;
    for (let ms = 0; ms < 300_000; ms++) {
      budget.requested(ms);
      if (budget.tryRetry(ms)) retries++;
    }
    expect(retries / 300_000).toBeGreaterThan(0.2);
    expect(retries / 300_000).toBeLessThan(0.2 + 0.01 + 100 / 300_000 + 1e-6);
  });

  it("never spends more than a fifth of all requests, 10 a second and 100", () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.nat(200), fc.nat(200));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: "max" }), (steps) => {
        const budget = new RetryBudget();
        let [nowMs, requests, retries] = [0, 0, 0];
        for (const [gapMs, arrivals, wanted] of steps) {
          nowMs += gapMs;
          for (let count = 0; count < arrivals; count++) budget.requested(nowMs);
          for (let count = 0; count < wanted; count++) if (budget.tryRetry(nowMs)) retries++;
          requests += arrivals;
          if (retries > 100 + 0.2 * requests + nowMs / 100 + 1e-6) expect.unreachable(`${retries} retries`);
        }
      }),
    );
  });
});
