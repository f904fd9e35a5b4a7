import fc from "fast-check";
import type {
  GenerationReplica,
  GenerationTraffic,
} from "../../../../optimizer/models/generation-prediction.ts";

/** A model of 8 billion parameters on one accelerator, roughly, with chats of middling length. */
export const chat: GenerationReplica = {
  parameters: { alphaMs: 8, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 },
  maxBatchSize: 64,
  maxBatchedTokens: 8_192,
  traffic: [{ share: 1, inputTokens: 2_048, outputTokens: 256, outputDistribution: "geometric" }],
};

/** The replica with other requests, all of one kind. */
export function withTraffic(
  replica: GenerationReplica,
  change: Partial<GenerationTraffic>,
): GenerationReplica {
  return { ...replica, traffic: replica.traffic.map((traffic) => ({ ...traffic, ...change })) };
}

const traffic = fc.record({
  share: fc.constant(1),
  inputTokens: fc.double({ min: 1, max: 32_000, noNaN: true }),
  outputTokens: fc.oneof(
    fc.constant(1),
    fc.integer({ min: 1, max: 2_000 }),
    fc.double({ min: 1, max: 12, noNaN: true }),
  ),
  outputDistribution: fc.constantFrom("geometric", "fixed"),
});

/** Any replica, with one kind of requests. */
export const anyReplica: fc.Arbitrary<GenerationReplica> = fc.record({
  parameters: fc.record({
    alphaMs: fc.oneof(fc.constant(0), fc.double({ min: 0.1, max: 60, noNaN: true })),
    betaMs: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 1.5, noNaN: true })),
    gammaMs: fc.oneof(fc.constant(0), fc.double({ min: 0.1, max: 60, noNaN: true })),
    deltaMs: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 0.3, noNaN: true })),
  }),
  maxBatchSize: fc.integer({ min: 1, max: 300 }),
  maxBatchedTokens: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 512, max: 16_384 })),
  traffic: fc.array(traffic, { minLength: 1, maxLength: 1 }),
});

/** The replica with the traffic of some others, in equal shares. */
export function sharedBy(
  replicas: readonly GenerationReplica[],
  replica: GenerationReplica,
): GenerationReplica {
  const kinds = replicas.flatMap((one) => one.traffic);
  return { ...replica, traffic: kinds.map((kind) => ({ ...kind, share: 1 / kinds.length })) };
}
