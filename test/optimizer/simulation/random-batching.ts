import fc from "fast-check";
import type { InferenceArrival } from "../../../optimizer/simulation/batching-run.ts";
import type { DynamicBatchSettings } from "../../../optimizer/simulation/dynamic-batching.ts";

/** Quarters of a millisecond: sums of them are exact, and arrivals often fall onto the end of a batch. */
const quarters = (max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 4 * max }).map((quarter) => quarter / 4);

/** Every batch holds at least the four items that a request of {@link batchingTraces} may have. */
export const batchingEngines: fc.Arbitrary<Required<DynamicBatchSettings>> = fc.record({
  maxBatchSize: fc.integer({ min: 4, max: 8 }),
  maxQueueDelayMillis: fc.oneof(fc.constant(0), quarters(10)),
  instances: fc.integer({ min: 1, max: 3 }),
  maxWaiting: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(1_000)),
});

/** Two models, one of them with versions; gaps of 0 are common, as ties are where models differ. */
export const batchingTraces: fc.Arbitrary<readonly InferenceArrival[]> = fc
  .tuple(
    fc.array(fc.record({ gammaMs: quarters(10), deltaMs: quarters(2) }), { minLength: 3, maxLength: 3 }),
    fc.array(
      fc.record({
        gapMillis: fc.oneof(fc.constant(0), quarters(2), quarters(20)),
        model: fc.integer({ min: 0, max: 2 }),
        items: fc.integer({ min: 1, max: 4 }),
      }),
      { minLength: 1, maxLength: 20 },
    ),
  )
  .map(([models, requests]) => {
    let arrivalMillis = 0;
    return requests.map(({ gapMillis, model, items }) => ({
      arrivalMillis: (arrivalMillis += gapMillis),
      batchKey: ["bert/1", "bert/2", "resnet/1"][model] ?? "",
      items,
      parameters: models[model] ?? { gammaMs: 0, deltaMs: 0 },
    }));
  });
