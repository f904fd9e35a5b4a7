import fc from "fast-check";

import type {
  InfernoServer,
  InfernoSystem,
  ModelPerformance,
  SaturationPolicy,
} from "../../../optimizer/inferno/inferno-system.ts";

export interface RandomParameters {
  readonly alphaMs: number;
  readonly betaMs: number;
  readonly gammaMs: number;
  readonly deltaMs: number;
}

const positiveMs = (max: number) => fc.double({ min: 0.001, max, noNaN: true });

/** One replica of every kind: no prompt, hardly any output, batches of one. */
export const replicas = fc.record({
  parameters: fc.record({
    alphaMs: positiveMs(200),
    betaMs: positiveMs(20),
    gammaMs: positiveMs(2000),
    deltaMs: positiveMs(1),
  }),
  tokens: fc
    .record({
      inputTokens: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4000 })),
      outputTokens: fc.oneof(fc.constantFrom(1, 2), fc.integer({ min: 2, max: 2000 })),
    })
    // Requests without any tokens take no time.
    .filter(({ inputTokens, outputTokens }) => inputTokens > 0 || outputTokens > 1),
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

const acceleratorNames = ["A", "2xA", "B", "C"] as const;
const modelNames = ["small", "large"] as const;
const classNames = ["Premium", "Free"] as const;

const server: fc.Arbitrary<InfernoServer> = fc.record({
  name: fc.constant(""),
  serviceClass: fc.constantFrom(...classNames, "Undefined"),
  model: fc.constantFrom(...modelNames),
  keepAccelerator: fc.boolean(),
  minReplicas: fc.constantFrom(0, 0, 1, 3),
  maxBatchSize: fc.constantFrom(0, 0, 4),
  current: fc.oneof(
    fc.constant({ accelerator: "", replicas: 0, cost: 0 }),
    fc.record({
      accelerator: fc.constantFrom(...acceleratorNames, "Unknown"),
      replicas: fc.integer({ min: 1, max: 5 }),
      cost: fc.integer({ min: 1, max: 300 }),
    }),
  ),
  requestsPerMinute: fc.oneof(fc.constant(0), fc.double({ min: 1, max: 3000, noNaN: true })),
  inputTokens: fc.constantFrom(0, 64, 1024),
  outputTokens: fc.constantFrom(1, 64, 512),
});

/** Systems in which everything occurs, small enough to be solved at once. */
export const systems: fc.Arbitrary<InfernoSystem> = fc
  .record({
    costs: fc.tuple(...acceleratorNames.map(() => fc.integer({ min: 10, max: 100 }))),
    performances: fc.array(
      fc.record({
        acceleratorCount: fc.integer({ min: 1, max: 2 }),
        maxBatchSize: fc.integer({ min: 1, max: 32 }),
        alphaMs: fc.double({ min: 5, max: 40, noNaN: true }),
        betaMs: fc.double({ min: 0.1, max: 2, noNaN: true }),
        gammaMs: fc.double({ min: 5, max: 200, noNaN: true }),
        deltaMs: fc.double({ min: 0.001, max: 0.1, noNaN: true }),
      }),
      { minLength: 8, maxLength: 8 },
    ),
    itlMs: fc.array(fc.constantFrom(0, 25, 60, 200), { minLength: 4, maxLength: 4 }),
    ttftMs: fc.array(fc.constantFrom(0, 300, 2000), { minLength: 4, maxLength: 4 }),
    tokensPerSecond: fc.array(fc.constantFrom(0, 0, 0, 3000), { minLength: 4, maxLength: 4 }),
    servers: fc.array(server, { maxLength: 8 }),
    capacity: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2, maxLength: 2 }),
    options: fc.record({
      unlimited: fc.boolean(),
      heterogeneous: fc.boolean(),
      delayedBestEffort: fc.boolean(),
      saturationPolicy: fc.constantFrom<SaturationPolicy>(
        "None",
        "PriorityExhaustive",
        "PriorityRoundRobin",
        "RoundRobin",
      ),
    }),
  })
  .map((parts): InfernoSystem => {
    const pairs = modelNames.flatMap((model) =>
      acceleratorNames.map((accelerator) => ({ model, accelerator })),
    );
    return {
      accelerators: acceleratorNames.map((name, at) => ({
        name,
        type: name.replace("2x", ""),
        multiplicity: name.startsWith("2x") ? 2 : 1,
        cost: parts.costs[at] ?? 10,
      })),
      models: parts.performances.map((performance, at) => ({
        ...performance,
        atTokens: 64,
        model: pairs[at]?.model ?? "small",
        accelerator: pairs[at]?.accelerator ?? "A",
      })),
      serviceClasses: classNames.map((name, at) => ({
        name,
        priority: at === 0 ? 1 : 10,
        targets: modelNames.map((model, of) => ({
          model,
          itlMs: parts.itlMs[2 * at + of] ?? 0,
          ttftMs: parts.ttftMs[2 * at + of] ?? 0,
          tokensPerSecond: parts.tokensPerSecond[2 * at + of] ?? 0,
        })),
      })),
      servers: parts.servers.map((one, at) => ({ ...one, name: `server ${at}` })),
      // Type C has no entry, and so no cards.
      capacity: ["A", "B"].map((type, at) => ({ type, units: parts.capacity[at] ?? 0 })),
      options: parts.options,
    };
  });
