import fc from "fast-check";
import { expect, test } from "vitest";
import type { GenerationArrival } from "../../../../optimizer/simulation/arrivals.ts";
import { runBatching, type InferenceArrival } from "../../../../optimizer/simulation/batching-run.ts";
import type { ContinuousBatchSettings } from "../../../../optimizer/simulation/continuous-batching.ts";
import type { DynamicBatchSettings } from "../../../../optimizer/simulation/dynamic-batching.ts";
import { runGeneration } from "../../../../optimizer/simulation/generation-run.ts";
import { seededRandom } from "../../../../optimizer/simulation/random.ts";
import { simulate } from "../../../../optimizer/simulation/simulate.ts";
import { BatchingEngine } from "../../../../services/emulator/engine/batching-engine.ts";
import { GenerationEngine } from "../../../../services/emulator/engine/generation-engine.ts";
import { batchingEngines, batchingTraces } from "../../../optimizer/simulation/random-batching.ts";
import { engines, traces } from "../../../optimizer/simulation/random-traces.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** Every number of tokens has its time; nothing where the request was refused. */
function emulatedTokens(
  engine: ContinuousBatchSettings,
  arrivals: readonly GenerationArrival[],
): (readonly number[] | undefined)[] {
  const clock = new VirtualClock();
  const emulated = new GenerationEngine(engine, clock);
  const tokens: (number[] | undefined)[] = [];
  for (const [index, { arrivalMillis, promptTokens, outputTokens }] of arrivals.entries()) {
    clock.wakeAt(arrivalMillis, () => {
      const times: number[] = [];
      const onToken = (): void => void times.push(clock.nowMs());
      tokens[index] =
        emulated.submit({ promptTokens, outputTokens, onToken }) === undefined ? undefined : times;
    });
  }
  while (clock.step());
  return tokens;
}

function expectAgreement(engine: ContinuousBatchSettings, arrivals: readonly GenerationArrival[]): void {
  const { requests } = runGeneration(engine, arrivals, { first: 0, count: arrivals.length }, 1e9);
  const emulated = emulatedTokens(engine, arrivals);
  expect(emulated.map((times) => times?.length)).toEqual(
    requests.map(({ state, outputTokens }) => (state === "refused" ? undefined : outputTokens)),
  );
  // Equal to the last bit, not close.
  expect(emulated.map((times) => [times?.[0], times?.at(-1)])).toEqual(
    requests.map(({ state, firstTokenMillis, lastTokenMillis }) =>
      state === "refused" ? [undefined, undefined] : [firstTokenMillis, lastTokenMillis],
    ),
  );
}

test("the emulated generation engine gives every token at the simulator's time, ties and refusals included", () => {
  fc.assert(
    fc.property(engines, traces, (engine, arrivals) => expectAgreement(engine, arrivals)),
    { numRuns: 300 },
  );
});

test("the emulated generation engine agrees over a long random load with parameters that no float holds exactly", () => {
  const engine = { parameters: { alphaMs: 8, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 }, maxBatchSize: 16 };
  const { requests } = simulate({
    engine,
    load: {
      kind: "poisson",
      ratePerSecond: 8,
      promptTokens: { kind: "geometric", meanTokens: 500 },
      outputTokens: { kind: "geometric", meanTokens: 60 },
      requests: 400,
      random: seededRandom(1, "agreement"),
    },
  });
  expectAgreement(
    engine,
    requests.map(({ arrivalMillis, promptTokens, outputTokens }) => ({
      arrivalMillis,
      promptTokens,
      outputTokens,
    })),
  );
});

/** End of every request's batch and its time in the queue; nothing where it was refused. */
function emulatedExecutions(
  engine: DynamicBatchSettings,
  arrivals: readonly InferenceArrival[],
): ({ endMillis?: number; queueMillis?: number } | undefined)[] {
  const clock = new VirtualClock();
  const emulated = new BatchingEngine(engine, clock);
  const executions: ({ endMillis?: number; queueMillis?: number } | undefined)[] = [];
  for (const [index, { arrivalMillis, ...work }] of arrivals.entries()) {
    clock.wakeAt(arrivalMillis, () => {
      const execution: { endMillis?: number; queueMillis?: number } = {};
      const pending = emulated.submit({
        ...work,
        onExecuted: ({ queueMs }) =>
          Object.assign(execution, { endMillis: clock.nowMs(), queueMillis: queueMs }),
      });
      executions[index] = pending === undefined ? undefined : execution;
    });
  }
  while (clock.step());
  return executions;
}

test("the emulated request/response engine ends every batch at the simulator's time", () => {
  fc.assert(
    fc.property(batchingEngines, batchingTraces, (engine, arrivals) => {
      const { requests } = runBatching(engine, arrivals, { first: 0, count: arrivals.length }, 1e9);
      expect(emulatedExecutions(engine, arrivals)).toEqual(
        requests.map(({ state, arrivalMillis, startMillis, endMillis }) =>
          state === "refused" ? undefined : { endMillis, queueMillis: startMillis - arrivalMillis },
        ),
      );
    }),
    { numRuns: 300 },
  );
});
