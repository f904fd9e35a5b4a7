import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashText } from "../../../../services/proxy/routing/hash.ts";
import {
  stickyKeyHash,
  stickyVersion,
  versionHash,
  type WeightedVersion,
} from "../../../../services/proxy/routing/sticky-version.ts";

const keyCount = 20_000;
const keys = Array.from({ length: keyCount }, (_, at) => stickyKeyHash(hashText("bert"), `user-${at}`));

const versionsOf = (weights: readonly number[]): readonly WeightedVersion[] =>
  weights.map((weight, at) => ({ hash: versionHash(String(at + 1)), weight }));

const assigned = (weights: readonly number[]): readonly number[] => {
  const versions = versionsOf(weights);
  return keys.map((key) => stickyVersion(versions, key));
};

/** Share of the keys that are at another version. */
const movedShare = (before: readonly number[], after: readonly number[]): number =>
  before.filter((version, at) => version !== after[at]).length / keyCount;

/** Four standard deviations of a share among the keys. */
const tolerance = (share: number): number => 4 * Math.sqrt((share * (1 - share)) / keyCount) + 1e-9;

describe("the version that a caller keeps", () => {
  it("does not change between requests, nor with the order of the versions", () => {
    const versions = versionsOf([60, 30, 10]);
    for (const key of keys.slice(0, 500)) {
      const chosen = versions[stickyVersion(versions, key)];
      const reversed = versions.toReversed();
      expect(reversed[stickyVersion(reversed, key)]).toBe(chosen);
    }
  });

  it.each([
    { weights: [50, 50], limit: 10.83 },
    { weights: [90, 10], limit: 10.83 },
    { weights: [99, 1], limit: 10.83 },
    { weights: [50, 30, 15, 5], limit: 16.27 },
    { weights: [10, 10, 10, 10, 10, 10, 10, 10, 10, 10], limit: 27.88 },
  ])(
    "is spread as the weights $weights say: chi-square below its 99.9 % quantile $limit",
    ({ weights, limit }) => {
      const counts = Map.groupBy(assigned(weights), (version) => version);
      const chiSquare = weights.reduce((sum, weight, version) => {
        const expected = (weight / 100) * keyCount;
        return sum + ((counts.get(version)?.length ?? 0) - expected) ** 2 / expected;
      }, 0);
      expect(chiSquare).toBeLessThan(limit);
    },
  );

  it("moves exactly the share by which two weights change", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }), (before, after) => {
        const share = Math.abs(after - before) / 100;
        const moved = movedShare(assigned([100 - before, before]), assigned([100 - after, after]));
        expect(Math.abs(moved - share)).toBeLessThanOrEqual(tolerance(share));
      }),
      { numRuns: 40, seed: 7 },
    );
  });

  it("moves callers only to the version that gained, and only from those that lost", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 6 }),
        fc.nat(),
        fc.integer({ min: 1, max: 50 }),
        (weights, at, gain) => {
          const grown = at % weights.length;
          const before = assigned(weights);
          const after = assigned(
            weights.map((weight, version) => (version === grown ? weight + gain : weight)),
          );
          before.forEach((version, key) => {
            if (version !== after[key]) expect(after[key]).toBe(grown);
          });
        },
      ),
      { numRuns: 20, seed: 7 },
    );
  });

  it("moves little more than must when two of many weights change: 11.8 % for a difference of 10 %", () => {
    const moved = movedShare(assigned([50, 30, 20]), assigned([40, 40, 20]));
    expect(moved).toBeGreaterThan(0.1 - tolerance(0.1));
    expect(moved).toBeLessThan(0.118 + tolerance(0.118));
  });

  it("is never one of weight 0 while another has weight", () => {
    expect(new Set(assigned([0, 100, 0]))).toEqual(new Set([1]));
  });

  it("is any, evenly, where all weights are 0, and none where there is no version", () => {
    const share = assigned([0, 0]).filter((version) => version === 0).length / keyCount;
    expect(Math.abs(share - 0.5)).toBeLessThan(tolerance(0.5));
    expect(stickyVersion([], 1)).toBe(-1);
  });

  it("is chosen anew for every model: the same callers are not the ones who try everything", () => {
    const canary = (model: string): ReadonlySet<number> => {
      const versions = versionsOf([90, 10]);
      const modelHash = hashText(model);
      return new Set(
        Array.from({ length: keyCount }, (_, at) => at).filter(
          (at) => stickyVersion(versions, stickyKeyHash(modelHash, `user-${at}`)) === 1,
        ),
      );
    };
    const both = canary("bert").intersection(canary("llama")).size / keyCount;
    expect(Math.abs(both - 0.01)).toBeLessThan(tolerance(0.01));
  });
});
