import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../support/run-cli.ts";
import { parsed, problemsOf, smallSpecWith } from "../support/spec-fixture.ts";

const data = (name: string) => fileURLToPath(new URL(`../optimizer/profiles/data/${name}`, import.meta.url));
const sweep = [
  "aiperf-c1-isl1024.json",
  "aiperf-c4-isl1024.json",
  "aiperf-c16-isl1024.json",
  "aiperf-c48-isl1024.json",
  "aiperf-c1-isl256.json",
  "aiperf-c1-isl4096.csv",
].map(data);

const folder = mkdtempSync(join(tmpdir(), "fit-"));
afterAll(() => rmSync(folder, { recursive: true }));
function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const subject = ["--model", "llama-3-70b", "--accelerator", "H100-80G"];
const fit = (files: readonly string[], ...options: readonly string[]) =>
  runCli(["fit", "--points", ...files, ...subject, ...options]);

describe("fit", () => {
  test("prints an entry that a spec accepts, with the parameters of the engine that was measured", async () => {
    const { code, stdout, stderr } = await fit(sweep, "--gpus", "4", "--source", "bench of 2 November");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const entry = stdout.replaceAll(/^/gm, " ".repeat(10)).trimEnd();
    const spec = smallSpecWith(
      "      - name: llama-3-70b\n",
      `      - name: llama-3-70b\n        profiles:\n${entry}\n`,
    );
    expect(problemsOf(spec)).toEqual([]);
    const profile = parsed(spec).engines[1]?.models[0]?.profiles?.[0];
    expect(profile).toMatchObject({
      accelerator: "H100-80G",
      gpusPerReplica: 4,
      maxBatchSize: 48,
      gamma: 10,
      delta: 0.05,
      source: "bench of 2 November",
    });
    expect(profile?.alpha).toBeCloseTo(8, 1);
    expect(profile?.beta).toBeCloseTo(0.1, 1);
  });

  test("says above it what the entry is worth", async () => {
    const { stdout } = await fit(sweep);
    expect(stdout).toMatch(
      /^# decode: alpha 8\.\d+ ms ± 0\.\d+, beta 0\.1\d* ms ± 0\.0\d+; 6 points, rmse 0\.\d+ %/m,
    );
    expect(stdout).toMatch(/^# prefill: gamma 10 ms .* 3 points/m);
    expect(stdout).toMatch(/^# times within the measured range are known to ±\d/m);
    expect(stdout).toMatch(/^# TTFT of 3 points left out/m);
    expect(stdout).toContain("source: fitted to aiperf-c1-isl1024.json, ");
    expect(stdout).toContain("and 2 more");
  });

  test("prints the same as JSON and as a table", async () => {
    const [json, table] = await Promise.all([
      fit(sweep, "--format", "json"),
      fit(sweep, "--format", "table"),
    ]);
    const printed = JSON.parse(json.stdout) as {
      model: string;
      lines: { of: string }[];
      uncertaintyFraction: number;
    };
    expect(printed).toMatchObject({
      model: "llama-3-70b",
      profile: { gamma: "10ms", delta: "0.05ms" },
      lines: [
        { of: "decode", points: 6 },
        { of: "prefill", points: 3 },
      ],
    });
    expect(printed.uncertaintyFraction).toBeLessThan(0.05);
    for (const name of ["alpha", "beta", "gamma", "delta"]) expect(table.stdout).toContain(`│ ${name} `);
  });

  test("fits a request/response model to its batches", async () => {
    const { code, stdout } = await fit([data("triton-batches.csv")]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/gamma: 2\.99\d+ms\n\s+delta: 0\.60\d+ms/);
    expect(stdout).not.toContain("alpha");
  });

  test("takes the concurrency that is given with a file", async () => {
    const files = sweep.map((file) => (file.includes("c48") ? `${file}@64` : file));
    expect((await fit(files)).stdout).toContain("maxBatchSize: 64");
    expect((await fit(sweep, "--max-batch", "128")).stdout).toContain("maxBatchSize: 128");
  });
});

describe("fit reports on stderr, with a remedy and without a stack trace,", () => {
  test.each<[string, readonly string[], number, RegExp]>([
    [
      "a file that is missing",
      ["nowhere.json"],
      1,
      /^FIT_FILE_UNREADABLE cannot read nowhere\.json \(ENOENT\)/,
    ],
    ["a folder", [folder], 1, /^FIT_FILE_UNREADABLE .*\(EISDIR\)/],
    [
      "a file that was cut off",
      [written("cut.json", '{"request_latency": {')],
      1,
      /^FIT_MEASUREMENT_INVALID .*cut\.json is cut off/,
    ],
    [
      "a foreign file",
      [written("other.json", '{"a": 1}')],
      1,
      /^FIT_MEASUREMENT_INVALID .*other\.json has none of the formats/,
    ],
    [
      "a value out of bounds, with its file",
      [...sweep, written("zero.csv", "batch,inputTokens,itlMs\n0,100,5\n")],
      1,
      /^FIT_MEASUREMENT_INVALID .*zero\.csv has batch 0/,
    ],
    [
      "files of two kinds of model",
      [...sweep, data("triton-batches.csv")],
      1,
      /^FIT_MEASUREMENT_INVALID the files hold 6 points of a generation model and 6 of a request\/response/,
    ],
    [
      "one concurrency only",
      sweep.slice(2, 3),
      1,
      /^FIT_NOT_IDENTIFIED gamma and delta: no point has the time to first token/,
    ],
    [
      "latency that falls",
      [written("falling.csv", "batch,latencyMs\n1,9\n2,7\n4,5\n8,4\n16,3\n")],
      1,
      /^FIT_NOT_IDENTIFIED gamma and delta: the latency falls by/,
    ],
    ["no number of cards", [...sweep, "--gpus", "0"], 2, /^CLI_USAGE .*--gpus.*whole number from 1/],
  ])("%s", async (_what, files, code, stderr) => {
    const result = await fit(files);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(stderr);
    expect(result.stderr).toContain("remedy: ");
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(result.stdout).toBe("");
  });

  test("every problem of every file at once", async () => {
    const { stderr } = await fit(["nowhere.json", written("other.csv", "x,y\n1,2\n")]);
    expect(stderr).toMatch(/FIT_FILE_UNREADABLE[\s\S]*FIT_MEASUREMENT_INVALID/);
  });
});
