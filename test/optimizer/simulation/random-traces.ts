import fc from "fast-check";
import type { GenerationArrival } from "../../../optimizer/simulation/arrivals.ts";
import type { ContinuousBatchSettings } from "../../../optimizer/simulation/continuous-batching.ts";

/** Quarters of a millisecond: sums of them are exact, and arrivals often fall onto the end of an iteration. */
const quarters = (max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 4 * max }).map((quarter) => quarter / 4);

export const iterationParameters = fc.record({
  alphaMs: quarters(10),
  betaMs: quarters(1),
  gammaMs: quarters(10),
  deltaMs: quarters(1),
});

export const engines: fc.Arbitrary<Required<ContinuousBatchSettings>> = fc.record({
  parameters: iterationParameters,
  maxBatchSize: fc.integer({ min: 1, max: 5 }),
  maxBatchedTokens: fc.integer({ min: 1, max: 40 }),
  maxWaiting: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(1_000)),
});

/** Gaps of 0 are common: ties are where models differ. */
export const traces: fc.Arbitrary<readonly GenerationArrival[]> = fc
  .array(
    fc.record({
      gapMillis: fc.oneof(fc.constant(0), quarters(5), quarters(200)),
      promptTokens: fc.integer({ min: 1, max: 60 }),
      outputTokens: fc.integer({ min: 1, max: 15 }),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((requests) => {
    let arrivalMillis = 0;
    return requests.map(({ gapMillis, ...tokens }) => ({
      arrivalMillis: (arrivalMillis += gapMillis),
      ...tokens,
    }));
  });
