import fc from "fast-check";

import type { ModelPerformance } from "../../../optimizer/inferno/inferno-system.ts";

export interface RandomParameters {
  readonly alphaMs: number;
  readonly betaMs: number;
  readonly gammaMs: number;
  readonly deltaMs: number;
}

const positiveMs = (max: number) => fc.double({ min: 0.001, max, noNaN: true });

/** One replica of every kind: no prompt, one token of output, batches of one. */
export const replicas = fc.record({
  parameters: fc.record({
    alphaMs: positiveMs(200),
    betaMs: positiveMs(20),
    gammaMs: positiveMs(2000),
    deltaMs: positiveMs(1),
  }),
  tokens: fc.record({
    inputTokens: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4000 })),
    outputTokens: fc.oneof(fc.constant(2), fc.integer({ min: 2, max: 2000 })),
  }),
  slots: fc.oneof(fc.constantFrom(1, 2, 512), fc.integer({ min: 1, max: 64 })),
});

export function performanceOf(parameters: RandomParameters): ModelPerformance {
  return {
    model: "m",
    accelerator: "a",
    acceleratorCount: 1,
    maxBatchSize: 8,
    atTokens: 128,
    ...parameters,
  };
}
