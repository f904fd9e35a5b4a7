/**
 * The emulator over HTTP against the simulator, on the arrivals that really happened.
 *
 * Both run the same model, so that they would agree to the last bit if requests reached the engine when they are sent and
 * the client saw tokens when they come out. What lies between are a few ms of HTTP, timers and a busy machine on either
 * side, while iterations take 30 to 60 ms. That can only make times longer, and a waiting queue makes more of it: hence
 * little room below the simulator and much above. A mean gap is the difference of two delays and hardly moves. How near
 * they are on a quiet machine is printed.
 */
import { expect, test, type TestContext } from "vitest";
import type { GenerationArrival } from "../../../optimizer/simulation/arrivals.ts";
import { geometric } from "../../../optimizer/simulation/random.ts";
import { simulateDynamicBatching } from "../../../optimizer/simulation/simulate-dynamic-batching.ts";
import { simulate } from "../../../optimizer/simulation/simulate.ts";
import type { EmulatorOptions } from "../../../services/emulator/emulator.ts";
import { startEmulatorWorker } from "../../../services/emulator/start-worker.ts";
import { chatGroup, chatModel, requestModel, tabularGroup } from "../../services/emulator/groups.ts";
import { present } from "../../services/emulator/present.ts";
import { sendOpenLoop, type Post, type SeenAnswer } from "./open-loop-client.ts";

const fromFirst = { least: 0.97, most: 1.5 };
const betweenTokens = { least: 0.95, most: 1.1 };
const loadMillis = 20_000;

test.concurrent(
  "a generation group under Poisson load has the simulator's mean times to the first and between tokens",
  async (context) => {
    const parameters = { alphaMs: 30, betaMs: 1, gammaMs: 15, deltaMs: 0.1 };
    const engine = { parameters, maxBatchSize: 8 };
    const promptTokens = 100;
    const endpoint = await startedWorker(context, {
      group: chatGroup({ models: [chatModel({ parameters })], maxBatchSize: engine.maxBatchSize }),
      loading: "preload",
      protocol: "openai",
    });
    const answers = await sendOpenLoop({
      endpoint,
      ratePerSecond: 8,
      forMillis: loadMillis,
      seed: 1,
      newPost(random) {
        const outputTokens = geometric(random, 12);
        const prompt = Array.from({ length: promptTokens }, (_, token) => token);
        return {
          outputTokens,
          path: "/v1/completions",
          body: { model: "llama-3-8b", prompt, max_tokens: outputTokens, stream: true },
        };
      },
    });
    const outputs = answers.map(({ post }) => post.outputTokens);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers.map(({ body }) => body.match(/^data: \{/gm)?.length)).toEqual(outputs);

    const arrivals = inOrder(answers).map((answer): GenerationArrival => ({
      arrivalMillis: answer.sentMillis - firstSentMillis(answers),
      promptTokens,
      outputTokens: answer.post.outputTokens,
    }));
    const { summary } = simulate({ engine, load: { kind: "trace", arrivals } });
    const seenTtft = meanOf(answers.map(({ sentMillis, firstByteMillis }) => firstByteMillis - sentMillis));
    const gaps = outputs.reduce((sum, tokens) => sum + tokens - 1, 0);
    const seenItl =
      answers.reduce(
        (sum, { firstByteMillis, lastByteMillis }) => sum + lastByteMillis - firstByteMillis,
        0,
      ) / gaps;
    report("generation", answers, summary.utilisation, [
      ["TTFT", seenTtft, summary.ttftMillis.mean],
      ["ITL", seenItl, summary.itlMillis.mean],
    ]);
    expect(summary.refused).toBe(0);
    expectWithin(seenTtft / summary.ttftMillis.mean, fromFirst);
    expectWithin(seenItl / summary.itlMillis.mean, betweenTokens);
  },
);

test.concurrent(
  "a request/response group under Poisson load has the simulator's mean latency",
  async (context) => {
    const parameters = { alphaMs: 0, betaMs: 0, gammaMs: 30, deltaMs: 5 };
    const engine = { maxBatchSize: 8 };
    const endpoint = await startedWorker(context, {
      group: tabularGroup({ models: [{ ...requestModel("bert-base", "3"), parameters }], ...engine }),
      loading: "preload",
      protocol: "open-inference-v2",
    });
    const answers = await sendOpenLoop({
      endpoint,
      ratePerSecond: 45,
      forMillis: loadMillis,
      seed: 2,
      newPost: () => ({
        path: "/v2/models/bert-base/infer",
        body: { inputs: [{ name: "input_ids", datatype: "INT64", shape: [1, 2], data: [101, 102] }] },
      }),
    });
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));

    const arrivals = inOrder(answers).map(({ sentMillis }) => ({
      arrivalMillis: sentMillis - firstSentMillis(answers),
      batchKey: "bert-base/3",
      items: 1,
      parameters,
    }));
    const { summary } = simulateDynamicBatching({ engine, load: { kind: "trace", arrivals } });
    const seen = meanOf(answers.map(({ sentMillis, lastByteMillis }) => lastByteMillis - sentMillis));
    report("request/response", answers, summary.utilisation, [["latency", seen, summary.latencyMillis.mean]]);
    expect(summary.refused).toBe(0);
    expectWithin(seen / summary.latencyMillis.mean, fromFirst);
  },
);

/** Base URL of the one replica of a group in a thread of its own, which ends with the test. */
async function startedWorker(context: TestContext, options: EmulatorOptions): Promise<string> {
  const worker = await startEmulatorWorker(options);
  context.onTestFinished(() => worker.close());
  return present(worker.endpoints[0]);
}

function expectWithin(ratio: number, { least, most }: typeof fromFirst): void {
  expect(ratio).toBeGreaterThan(least);
  expect(ratio).toBeLessThan(most);
}

function inOrder<Sent extends Post>(answers: readonly SeenAnswer<Sent>[]): readonly SeenAnswer<Sent>[] {
  return answers.toSorted((left, right) => left.sentMillis - right.sentMillis);
}

function firstSentMillis(answers: readonly SeenAnswer<Post>[]): number {
  return Math.min(...answers.map(({ sentMillis }) => sentMillis));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function report(
  name: string,
  answers: readonly SeenAnswer<Post>[],
  utilisation: number,
  times: readonly (readonly [name: string, seenMillis: number, simulatedMillis: number])[],
): void {
  const compared = times.map(([time, seen, simulated]) => {
    const difference = ((seen / simulated - 1) * 100).toFixed(1);
    return `mean ${time} ${seen.toFixed(1)} ms over HTTP, ${simulated.toFixed(1)} ms simulated (${difference} %)`;
  });
  process.stdout.write(
    `${name}: ${answers.length} requests at ${Math.round(utilisation * 100)} % of saturation: ${compared.join("; ")}\n`,
  );
}
