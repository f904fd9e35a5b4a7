import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "predict-"));
afterAll(() => rmSync(folder, { recursive: true }));

function inputFile(content: unknown): string {
  const file = join(folder, `${Math.random()}.json`);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

/** The example of the performance model: 2,048 tokens in, 256 out, at 60 % of what Inferno's equations allow. */
const chat = {
  id: "chat",
  alpha: 8,
  beta: 0.1,
  gamma: 10,
  delta: 0.05,
  maxBatchSize: 64,
  maxBatchedTokens: 8192,
  inputTokens: 2048,
  outputTokens: 256,
  outputDistribution: "geometric",
  ratePerSecond: 3.4,
  model: "continuous-batching",
};

interface Answer {
  readonly id: string;
  readonly ttftMillis: {
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
  };
  readonly itlMillis: { readonly mean: number; readonly p95: number };
  readonly utilization: number;
  readonly throughputPerSecond: number;
  readonly saturationPerSecond: number;
  readonly feasible: boolean;
}

async function answers(command: string, questions: unknown, ...options: string[]): Promise<Answer[]> {
  const { stdout, stderr } = await runCli([
    command,
    "--input",
    inputFile(questions),
    "--format",
    "json",
    ...options,
  ]);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Answer[];
}

describe("predict", () => {
  test("answers what the simulation answers, within a tenth", async () => {
    const [predicted] = await answers("predict", [chat]);
    const [simulated] = await answers("simulate", [chat]);
    expect(predicted?.id).toBe("chat");
    const times = (answer: Answer | undefined) =>
      [answer?.ttftMillis.mean, answer?.itlMillis.mean].map(Number);
    for (const [index, time] of times(predicted).entries()) {
      expect(Math.abs(time / Number(times(simulated)[index]) - 1)).toBeLessThan(0.1);
    }
  });

  test("gives exactly the fields of its contract, in the order of the input", async () => {
    const [first, second] = await answers("predict", [chat, { ...chat, id: "b", model: "inferno" }]);
    for (const answer of [first, second]) {
      expect(answer).toEqual({
        id: expect.any(String),
        ttftMillis: {
          mean: expect.any(Number),
          p50: expect.any(Number),
          p95: expect.any(Number),
          p99: expect.any(Number),
        },
        itlMillis: { mean: expect.any(Number), p95: expect.any(Number) },
        utilization: expect.any(Number),
        throughputPerSecond: expect.any(Number),
        saturationPerSecond: expect.any(Number),
        feasible: true,
      });
    }
    expect([first?.id, second?.id]).toEqual(["chat", "b"]);
    // Inferno's equations put all prompts of a batch into every iteration.
    expect(second?.ttftMillis.mean).toBeGreaterThan(5 * Number(first?.ttftMillis.mean));
  });

  test("says that an overloaded replica is not feasible and has no times", async () => {
    const [answer] = await answers("predict", [{ ...chat, ratePerSecond: 1000 }]);
    expect(answer?.feasible).toBe(false);
    expect(answer?.utilization).toBeGreaterThan(1);
    expect(answer?.ttftMillis.mean).toBeNull();
    expect(answer?.throughputPerSecond).toBe(answer?.saturationPerSecond);
  });

  test("takes defaults for the model, the distribution and the token budget", async () => {
    const { model, outputDistribution, maxBatchedTokens, ...rest } = chat;
    expect([model, outputDistribution, maxBatchedTokens]).toEqual(["continuous-batching", "geometric", 8192]);
    expect(await answers("predict", [rest])).toEqual(await answers("predict", [chat]));
  });

  test("leaves fields alone that are the caller's own", async () => {
    expect(await answers("predict", [{ ...chat, measured: { ttft: 1 } }])).toEqual(
      await answers("predict", [chat]),
    );
  });

  test("answers an empty array with an empty array", async () => {
    expect(await answers("predict", [])).toEqual([]);
  });

  test("prints a table for people", async () => {
    const { stdout } = await runCli(["predict", "--input", inputFile([chat])]);
    expect(stdout).toMatch(/chat .*%/);
  });

  test.each([
    ["a negative time", [{ ...chat, alpha: -1 }], "[0].alpha"],
    ["a number too large for JSON", `[{"id":"a","alpha":1e999}]`, "[0].alpha"],
    ["half a sequence", [{ ...chat, maxBatchSize: 0.5 }], "[0].maxBatchSize"],
    ["a text for a number", [{ ...chat, inputTokens: "12" }], "[0].inputTokens"],
    ["a model that does not exist", [{ ...chat, model: "vllm" }], "[0].model"],
    ["the same id twice", [chat, chat], "[1].id"],
    ["an object", { chat }, "array"],
    ["no JSON", "[{", "not JSON"],
  ])("refuses %s and says where it is", async (_, questions, place) => {
    const { code, stdout, stderr } = await runCli(["predict", "--input", inputFile(questions)]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^PREDICT_INPUT_INVALID /);
    expect(stderr).toContain(place);
  });

  test("refuses a file that is not there", async () => {
    const { code, stderr } = await runCli(["predict", "--input", join(folder, "none.json")]);
    expect(code).toBe(1);
    expect(stderr).toContain("PREDICT_INPUT_INVALID");
    expect(stderr).toContain("ENOENT");
  });
});

describe("simulate", () => {
  test("gives half-widths of its confidence, and the same answer for the same seed", async () => {
    const questions = [chat, { ...chat, id: "fixed", outputDistribution: "fixed" }];
    const [first, second] = await answers("simulate", questions, "--requests", "4000");
    expect(first?.ttftMillis).toHaveProperty("meanHalfWidth", expect.any(Number));
    expect(second?.itlMillis).toHaveProperty("p95HalfWidth", expect.any(Number));
    const alone = await answers("simulate", [questions[1]], "--requests", "4000");
    expect(alone[0]).toEqual(second);
    const other = await answers("simulate", [chat], "--requests", "4000", "--seed", "2");
    expect(other[0]?.ttftMillis.mean).not.toBe(first?.ttftMillis.mean);
  });

  test("refuses a load without requests", async () => {
    const { code, stderr } = await runCli([
      "simulate",
      "--input",
      inputFile([{ ...chat, ratePerSecond: 0 }]),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("[0].ratePerSecond");
  });

  test("refuses a number of requests that is none", async () => {
    const { code, stderr } = await runCli(["simulate", "--input", inputFile([chat]), "--requests", "0"]);
    expect(code).toBe(2);
    expect(stderr).toContain("CLI_USAGE");
  });
});
