import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { BatchChain } from "../../../optimizer/inferno/batch-chain.ts";
import { largestRate } from "../../../optimizer/inferno/largest-rate.ts";
import { PlainModel } from "./plain-model.ts";
import { performanceOf, replicas } from "./random-systems.ts";

/** The accuracy that is promised; the chain itself is far better. */
const promised = 1e-6;

function expectClose(found: number, expected: number, relative: number, absolute = 0) {
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(relative * Math.abs(expected) + absolute);
}

const targets = fc.record({
  itlMs: fc.oneof(fc.constant(0), fc.double({ min: 0.5, max: 2000, noNaN: true })),
  ttftMs: fc.oneof(fc.constant(0), fc.double({ min: 0.5, max: 200_000, noNaN: true })),
  tokensPerSecond: fc.constantFrom(0, 0, 0, 100),
});

describe("a batch chain", () => {
  it("has the means of Inferno's equations summed state by state", () => {
    fc.assert(
      fc.property(replicas, fc.double({ min: 0.0005, max: 0.999, noNaN: true }), (replica, load) => {
        const { parameters, tokens, slots } = replica;
        const plain = new PlainModel(parameters, tokens, slots);
        const chain = new BatchChain();
        chain.configure(performanceOf(parameters), tokens, slots);
        expectClose(chain.lowestPerMs, plain.lowestPerMs, 1e-12);
        expectClose(chain.highestPerMs, plain.highestPerMs, 1e-12);

        const arrivalsPerMs = load * plain.departuresPerMs(slots);
        const expected = plain.at(arrivalsPerMs);
        chain.solve(arrivalsPerMs);
        expectClose(chain.throughputPerMs, expected.throughputPerMs, 1e-9);
        expectClose(chain.itlMs, expected.itlMs, 1e-9);
        // Without a prompt the time to first token is the wait alone, which has no least value.
        expectClose(chain.ttftMs, expected.ttftMs, 1e-8, 1e-9);
        expectClose(chain.rho, expected.rho, 1e-9);
      }),
      { numRuns: 200 },
    );
  });

  it("finds the largest load that bisection finds, and the same number of replicas for it", () => {
    fc.assert(
      fc.property(replicas, targets, fc.double({ min: 1, max: 1e4 }), (replica, target, loadInReplicas) => {
        const { parameters, tokens, slots } = replica;
        const plain = new PlainModel(parameters, tokens, slots);
        const chain = new BatchChain();
        chain.configure(performanceOf(parameters), tokens, slots);
        const found = largestRate(chain, target);
        const expectedPerMs = plain.largestPerMs(target);
        if (!found.feasible || expectedPerMs === undefined) {
          // At the lowest load times are almost those of one request alone: both may see the target on either side.
          const atLowest = plain.at(plain.lowestPerMs);
          const [reachedMs, allowedMs] = found.feasible
            ? worst(atLowest, target)
            : [found.reachedMs, found.broken === "itl" ? target.itlMs : target.ttftMs];
          if (found.feasible !== (expectedPerMs !== undefined)) expectClose(reachedMs, allowedMs, 1e-9);
          return;
        }
        const expected = plain.at(expectedPerMs);
        // Where a time hardly rises with the rate, the rate is not determined, but the time is.
        const slope = steepness(plain, expectedPerMs, target);
        expectClose(found.arrivalsPerMs, expectedPerMs, promised + 1e-11 / slope);
        if (slope > 1e-3) {
          expectClose(found.throughputPerMs, expected.throughputPerMs, promised);
          const loadPerMs = loadInReplicas * expected.throughputPerMs;
          const exact = loadPerMs / expected.throughputPerMs;
          if (Math.abs(exact - Math.round(exact)) > 1e-6 * exact) {
            expect(Math.ceil(loadPerMs / found.throughputPerMs)).toBe(Math.ceil(exact));
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it("holds a target that a batch of one meets exactly, whatever the rounding", () => {
    fc.assert(
      fc.property(replicas, ({ parameters, tokens }) => {
        const chain = new BatchChain();
        chain.configure(performanceOf(parameters), { ...tokens, inputTokens: 7 }, 1);
        const itlMs = parameters.alphaMs + parameters.betaMs;
        expect(largestRate(chain, { itlMs, ttftMs: 0, tokensPerSecond: 0 }).feasible).toBe(true);
        const below = largestRate(chain, { itlMs: itlMs * (1 - 1e-9), ttftMs: 0, tokensPerSecond: 0 });
        expect(below.feasible).toBe(false);
      }),
    );
  });

  it("stays finite for batches of a million and for times of a nanosecond or a year", () => {
    for (const slots of [1, 512, 2 ** 20]) {
      for (const scale of [1e-6, 1, 1e10]) {
        const chain = new BatchChain();
        const parameters = { alphaMs: scale, betaMs: scale / 10, gammaMs: 5 * scale, deltaMs: scale / 100 };
        chain.configure(performanceOf(parameters), { inputTokens: 100, outputTokens: 100 }, slots);
        for (const arrivalsPerMs of [chain.lowestPerMs * 1e-9, chain.lowestPerMs, chain.highestPerMs]) {
          chain.solve(arrivalsPerMs);
          for (const one of [chain.throughputPerMs, chain.itlMs, chain.ttftMs, chain.rho]) {
            expect(Number.isFinite(one)).toBe(true);
          }
        }
      }
    }
  });
});

function worst(
  answer: { readonly itlMs: number; readonly ttftMs: number },
  target: { readonly itlMs: number; readonly ttftMs: number },
): readonly [number, number] {
  const itl = target.itlMs > 0 ? answer.itlMs / target.itlMs : 0;
  const ttft = target.ttftMs > 0 ? answer.ttftMs / target.ttftMs : 0;
  return itl > ttft ? [answer.itlMs, target.itlMs] : [answer.ttftMs, target.ttftMs];
}

/** By how much the time that binds rises, relative to itself, for a relative rise of the rate. */
function steepness(
  plain: PlainModel,
  arrivalsPerMs: number,
  target: { readonly itlMs: number; readonly ttftMs: number },
): number {
  const step = 1e-4;
  const [here] = worst(plain.at(arrivalsPerMs), target);
  const [before] = worst(plain.at(arrivalsPerMs * (1 - step)), target);
  return Math.max((here - before) / here / step, 1e-9);
}
