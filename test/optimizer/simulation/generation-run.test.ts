import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certain } from "../../../optimizer/certain.ts";
import type { GenerationArrival } from "../../../optimizer/simulation/arrivals.ts";
import type { ContinuousBatchSettings } from "../../../optimizer/simulation/continuous-batching.ts";
import { runGeneration, type GenerationRun } from "../../../optimizer/simulation/generation-run.ts";
import { naiveGeneration } from "./naive-generation.ts";
import { engines, iterationParameters, traces } from "./random-traces.ts";

const parameters = { alphaMs: 8, betaMs: 0.5, gammaMs: 10, deltaMs: 0.25 };

function run(
  engine: Partial<ContinuousBatchSettings>,
  arrivals: readonly GenerationArrival[],
  maxIterations = 1e9,
): GenerationRun {
  const settings = { parameters, maxBatchSize: 4, ...engine };
  return runGeneration(settings, arrivals, { first: 0, count: arrivals.length }, maxIterations);
}

/** Requests as [arrival, prompt tokens, output tokens]. */
function trace(...requests: readonly (readonly [number, number, number])[]): GenerationArrival[] {
  return requests.map(([arrivalMillis, promptTokens, outputTokens]) => ({
    arrivalMillis,
    promptTokens,
    outputTokens,
  }));
}

/** First and last token of every request. */
function times({ requests }: GenerationRun): (readonly [number, number])[] {
  return requests.map(({ firstTokenMillis, lastTokenMillis }) => [firstTokenMillis, lastTokenMillis]);
}

describe("by hand", () => {
  test("a request alone takes its prefill and a decode iteration for every further token", () => {
    // 10 + 0.25·100 = 35 from its arrival, then three times 8 + 0.5.
    expect(times(run({}, trace([5, 100, 4])))).toEqual([[40, 65.5]]);
  });

  test("a request of one token ends with its prompt", () => {
    expect(times(run({}, trace([0, 40, 1])))).toEqual([[20, 20]]);
  });

  test("a request that arrives in an iteration waits for its end and then shares iterations", () => {
    // First: prompt until 35, tokens at 43.5, then with the second's prompt (8.5 + 10 + 0.25·40) at 72, then with its
    // decoding (8 + 0.5·2) at 81. Second, arrived at 40: first token at 72, second at 81.
    expect(times(run({}, trace([0, 100, 4], [40, 40, 2])))).toEqual([
      [35, 81],
      [72, 81],
    ]);
  });

  test("a request that arrives as an iteration ends takes part in the next one", () => {
    // 35, then decode and prompt together: 8.5 + 10 + 0.25·20.
    expect(times(run({}, trace([0, 100, 2], [35, 20, 1])))).toEqual([
      [35, 58.5],
      [58.5, 58.5],
    ]);
  });

  test("a full engine keeps a request waiting until one leaves", () => {
    // 20, 28.5, 37; then the second one's prompt: 10 + 0.25·20.
    expect(times(run({ maxBatchSize: 1 }, trace([0, 40, 3], [1, 20, 1])))).toEqual([
      [20, 37],
      [52, 52],
    ]);
  });

  test("prompts share the token budget in order of arrival", () => {
    // 60 + 40 of 60, until 35; then 20 beside a decode: 8.5 + 15.
    expect(times(run({ maxBatchedTokens: 100 }, trace([0, 60, 2], [0, 60, 1])))).toEqual([
      [35, 58.5],
      [58.5, 58.5],
    ]);
  });

  test("a request that meets a full queue is refused", () => {
    const { requests, ended } = run(
      { maxBatchSize: 1, maxWaiting: 1 },
      trace([0, 1, 9], [1, 1, 9], [2, 1, 9]),
    );
    expect(requests.map(({ state }) => state)).toEqual(["finished", "finished", "refused"]);
    expect(certain(requests[2]).firstTokenMillis).toBeNaN();
    expect(ended).toBe("complete");
  });

  test("a run is cut off at its limit of iterations, exactly", () => {
    const cut = run({}, trace([0, 100, 1_000], [0, 100, 3]), 10);
    expect(cut).toMatchObject({ ended: "iteration-limit", iterations: 10 });
    expect(cut.requests.map(({ state }) => state)).toEqual(["unfinished", "finished"]);
    expect(certain(cut.requests[0]).firstTokenMillis).toBe(60);
  });

  test("the window has the time averages of those that wait and run", () => {
    const { window, busyMillis } = run({ maxBatchSize: 1 }, trace([10, 40, 3], [20, 20, 1]));
    // First from 10 to 47, second waits from 20 to 47 and runs to 62.
    expect(window).toMatchObject({ fromMillis: 10, toMillis: 62, finished: 2 });
    expect(window.meanWaiting * 52).toBeCloseTo(27, 9);
    expect(window.meanRunning * 52).toBeCloseTo(52, 9);
    expect(busyMillis).toBe(52);
  });

  test("a warm-up is served and not counted, and arrivals go on until the last one that counts has finished", () => {
    function* endless(): Generator<GenerationArrival> {
      for (let arrivalMillis = 0; ; arrivalMillis += 100)
        yield { arrivalMillis, promptTokens: 40, outputTokens: 100 };
    }
    const { requests, window } = runGeneration(
      { parameters, maxBatchSize: 64 },
      endless(),
      { first: 3, count: 2 },
      1e6,
    );
    expect(window.fromMillis).toBe(300);
    expect(requests.slice(0, 5).every(({ state }) => state === "finished")).toBe(true);
    expect(window.toMillis).toBe(requests[4]?.lastTokenMillis);
    expect(requests.length).toBeGreaterThan(10);
  });
});

describe("on any trace", () => {
  test("every iteration stepped through by a naive simulation gives the same times, refusals and count", () => {
    fc.assert(
      fc.property(engines, traces, (engine, arrivals) => {
        const simulated = run(engine, arrivals);
        const naive = naiveGeneration(engine, arrivals);
        const outcomes = simulated.requests.map(({ state, firstTokenMillis, lastTokenMillis }) =>
          state === "refused" ? state : [firstTokenMillis, lastTokenMillis],
        );
        expect(outcomes).toEqual(naive.outcomes);
        expect(simulated.iterations).toBe(naive.iterations);
      }),
      { numRuns: 500 },
    );
  });

  test("every request ends once, not before its own prefill and decode iterations could", () => {
    fc.assert(
      fc.property(engines, traces, (engine, arrivals) => {
        const { requests, ended, window } = run(engine, arrivals);
        expect(ended).toBe("complete");
        expect(
          requests.map(({ state: _, firstTokenMillis: __, lastTokenMillis: ___, ...arrival }) => arrival),
        ).toEqual(arrivals);
        expect(requests.every(({ state }) => state !== "unfinished")).toBe(true);
        const finished = requests.filter(({ state }) => state === "finished");
        expect(window.finished).toBe(finished.length);
        const { alphaMs, betaMs, gammaMs, deltaMs } = engine.parameters;
        for (const {
          arrivalMillis,
          promptTokens,
          outputTokens,
          firstTokenMillis,
          lastTokenMillis,
        } of finished) {
          const chunks = Math.ceil(promptTokens / engine.maxBatchedTokens);
          expect(firstTokenMillis - arrivalMillis).toBeGreaterThanOrEqual(
            chunks * gammaMs + deltaMs * promptTokens,
          );
          expect(lastTokenMillis - firstTokenMillis).toBeGreaterThanOrEqual(
            (outputTokens - 1) * (alphaMs + betaMs),
          );
        }
      }),
    );
  });

  test("the engine works whenever a request is there, and only then", () => {
    fc.assert(
      fc.property(engines, traces, (engine, arrivals) => {
        const { requests, busyMillis } = run(engine, arrivals);
        let unionMillis = 0;
        let untilMillis = 0;
        for (const { state, arrivalMillis, lastTokenMillis } of requests) {
          if (state !== "finished") continue;
          unionMillis += Math.max(0, lastTokenMillis - Math.max(arrivalMillis, untilMillis));
          untilMillis = Math.max(untilMillis, lastTokenMillis);
        }
        expect(busyMillis).toBe(unionMillis);
      }),
    );
  });

  test("one at a time, a request waits for what the ones before it left over (Lindley), and the longer the closer they come", () => {
    fc.assert(
      fc.property(iterationParameters, traces, (any, arrivals) => {
        const engine = { parameters: any, maxBatchSize: 1, maxBatchedTokens: 1_000, maxWaiting: 1_000 };
        const waits = (spread: number): number[] => {
          const spreadOut = arrivals.map((arrival) => ({
            ...arrival,
            arrivalMillis: arrival.arrivalMillis * spread,
          }));
          let freeMillis = 0;
          return run(engine, spreadOut).requests.map((request) => {
            const prefillMillis = any.gammaMs + any.deltaMs * request.promptTokens;
            const waitMillis = request.firstTokenMillis - request.arrivalMillis - prefillMillis;
            expect(waitMillis).toBe(Math.max(0, freeMillis - request.arrivalMillis));
            const decodeMillis = (request.outputTokens - 1) * (any.alphaMs + any.betaMs);
            freeMillis = Math.max(freeMillis, request.arrivalMillis) + prefillMillis + decodeMillis;
            return waitMillis;
          });
        };
        const wide = waits(2);
        for (const [index, waitMillis] of waits(1).entries()) {
          expect(waitMillis).toBeGreaterThanOrEqual(certain(wide[index]));
        }
      }),
    );
  });

  const together = traces.map((arrivals) => arrivals.map((arrival) => ({ ...arrival, arrivalMillis: 7 })));
  const permuted = together.chain((arrivals) =>
    fc
      .shuffledSubarray([...arrivals.keys()], { minLength: arrivals.length, maxLength: arrivals.length })
      .map((order) => ({ arrivals, order })),
  );

  test("where all fit at once, the order among those that arrive together changes no request's times", () => {
    fc.assert(
      fc.property(iterationParameters, permuted, (any, { arrivals, order }) => {
        const roomy = { parameters: any, maxBatchSize: 100, maxBatchedTokens: 10_000 };
        const inOrder = times(run(roomy, arrivals));
        const shuffled = times(
          run(
            roomy,
            order.map((index) => certain(arrivals[index])),
          ),
        );
        expect(shuffled).toEqual(order.map((index) => inOrder[index]));
      }),
    );
  });

  test("one at a time, the order among those that arrive together does not change when the last one ends", () => {
    fc.assert(
      fc.property(iterationParameters, permuted, (any, { arrivals, order }) => {
        const narrow = { parameters: any, maxBatchSize: 1, maxBatchedTokens: 10_000, maxWaiting: 1_000 };
        const shuffled = run(
          narrow,
          order.map((index) => certain(arrivals[index])),
        );
        expect(shuffled.window.toMillis).toBe(run(narrow, arrivals).window.toMillis);
      }),
    );
  });
});
