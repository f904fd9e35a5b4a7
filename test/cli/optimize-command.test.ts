import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

const acceleratorData = {
  accelerators: [
    { name: "G2", type: "G2", multiplicity: 1, cost: 23 },
    { name: "4xG2", type: "G2", multiplicity: 4, cost: 92 },
  ],
};
const modelData = {
  models: ["G2", "4xG2"].map((acc) => ({
    name: "llama",
    acc,
    accCount: 1,
    maxBatchSize: 16,
    atTokens: 128,
    decodeParms: { alpha: acc === "G2" ? 20 : 9, beta: 0.4 },
    prefillParms: { gamma: 40, delta: 0.02 },
  })),
};
const serviceClassData = {
  serviceClasses: [
    { name: "Premium", priority: 1, modelTargets: [{ model: "llama", "slo-itl": 15, "slo-ttft": 500 }] },
    { name: "Free", priority: 100, modelTargets: [{ model: "llama", "slo-itl": 200 }] },
  ],
};
const load = (rate: number) => ({ load: { arrivalRate: rate, AvgInTokens: 128, AvgOutTokens: 128 } });
const serverData = {
  servers: [
    { name: "premium", class: "Premium", model: "llama", currentAlloc: load(60) },
    { name: "free", model: "llama", currentAlloc: load(1800) },
    { name: "gold", class: "Gold", model: "llama", currentAlloc: load(60) },
    { name: "idle", class: "Free", model: "llama", currentAlloc: load(0) },
  ],
};
const capacityData = { count: [{ type: "G2", count: 8 }] };
const limited = { optimizer: { unlimited: false, saturationPolicy: "RoundRobin" } };
const parts = { acceleratorData, modelData, serviceClassData, serverData, capacityData };

const fileNames: Readonly<Record<string, string>> = {
  acceleratorData: "accelerator-data.json",
  modelData: "model-data.json",
  serviceClassData: "serviceclass-data.json",
  serverData: "server-data.json",
  capacityData: "capacity-data.json",
  optimizerData: "optimizer-data.json",
};

function systemFolder(name: string, files: Readonly<Record<string, unknown>>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, content] of Object.entries(files)) {
    const text = typeof content === "string" ? content : JSON.stringify(content, null, 2);
    writeFileSync(join(path, fileNames[file] ?? file), text);
  }
  return path;
}

function systemFile(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content, null, 2));
  return path;
}

interface Answer {
  readonly allocations: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly totals: Readonly<Record<string, number>>;
  readonly proof: { readonly status: string; readonly gap: number };
  readonly elapsedMillis: { readonly sizing: number; readonly assignment: number };
}

async function answerOf(path: string, ...more: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await runCli(["optimize", "--system", path, "--format", "json", ...more]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Answer;
}

describe("optimize", () => {
  test("answers for every server of a folder of data files, as JSON", async () => {
    const path = systemFolder("limited", { ...parts, optimizerData: limited });
    const { allocations, totals, proof, elapsedMillis } = await answerOf(path, "--time-limit", "0s");
    expect(Object.keys(allocations)).toEqual(["free", "gold", "idle", "premium"]);
    expect(allocations["premium"]).toMatchObject({
      accelerator: "4xG2",
      replicas: 1,
      cost: 92,
      served: "full",
    });
    expect(allocations["premium"]?.["itlMillis"]).toBeLessThanOrEqual(15);
    expect(allocations["premium"]?.["ttftMillis"]).toBeLessThanOrEqual(500);
    expect(allocations["free"]).toMatchObject({
      accelerator: "G2",
      replicas: 4,
      cost: 92,
      served: "partial",
    });
    expect(allocations["idle"]).toEqual({
      accelerator: "",
      replicas: 0,
      maxBatch: 0,
      cost: 0,
      value: 0,
      itlMillis: 0,
      ttftMillis: 0,
      rho: 0,
      served: "full",
    });
    expect(allocations["gold"]).toMatchObject({
      accelerator: "",
      replicas: 0,
      served: "none",
      reason: 'service class "Gold" is not defined',
    });
    expect(totals).toMatchObject({ cost: 184, full: 2, partial: 1, none: 1 });
    expect(Object.keys(proof)).toEqual(["status", "gap"]);
    expect(Object.keys(elapsedMillis)).toEqual(["sizing", "assignment"]);
  });

  test("takes the same system from one file, whatever the case of its keys", async () => {
    const path = systemFolder("six", { ...parts, optimizerData: { optimizer: { unlimited: true } } });
    const file = systemFile("one.json", {
      SYSTEM: { ...parts, AcceleratorData: undefined, optimizerdata: { Optimizer: { UNLIMITED: true } } },
    });
    const { elapsedMillis: _one, ...one } = await answerOf(file);
    const { elapsedMillis: _six, ...six } = await answerOf(path);
    expect(one).toEqual(six);
    expect(one.proof).toEqual({ status: "trivial", gap: 0 });
  });

  test("prints a table for people, with the reasons of what is not served", async () => {
    const path = systemFolder("table", { ...parts, optimizerData: { optimizer: { unlimited: true } } });
    const { code, stdout } = await runCli(["optimize", "--system", path]);
    expect(code).toBe(0);
    expect(stdout).toContain("│ premium │ 4xG2");
    expect(stdout).toMatch(/3 served in full, 0 in part, 1 not/);
    expect(stdout).toContain('gold: service class "Gold" is not defined');
  });

  test("has empty allocations for a system without servers, and needs neither capacity nor options", async () => {
    const path = systemFolder("empty", {
      acceleratorData,
      modelData,
      serviceClassData,
      serverData: { servers: [] },
    });
    expect(await answerOf(path)).toMatchObject({
      allocations: {},
      totals: { cost: 0, value: 0, full: 0, partial: 0, none: 0 },
    });
  });

  test("minimises the cost alone where that is asked", async () => {
    const current = { accelerator: "4xG2", numReplicas: 1, cost: 92, ...load(900) };
    const servers = [{ name: "s", class: "Free", model: "llama", currentAlloc: current }];
    const path = systemFolder("objective", {
      ...parts,
      serverData: { servers },
      optimizerData: { optimizer: { unlimited: true } },
    });
    const byValue = await answerOf(path);
    const byCost = await answerOf(path, "--objective", "cost");
    expect(byCost.totals["cost"]).toBeLessThanOrEqual(byValue.totals["cost"] ?? 0);
    expect(byValue.totals["value"]).toBeLessThanOrEqual(byCost.totals["value"] ?? 0);
  });
});

describe("what is wrong with the data files is a coded error with its place", () => {
  const broken = (name: string, change: Readonly<Record<string, unknown>>) =>
    systemFolder(name, { ...parts, optimizerData: limited, ...change });
  const wrongServer = (change: object) => ({
    serverData: { servers: [{ ...serverData.servers[0], ...change }] },
  });

  test.each([
    ["a path that does not exist", () => "nowhere", /^OPTIMIZE_FILE_UNREADABLE cannot read nowhere/],
    [
      "a folder without the files",
      () => systemFolder("none", {}),
      /OPTIMIZE_FILE_UNREADABLE cannot read .*server-data\.json \(ENOENT\)/,
    ],
    [
      "what is not JSON",
      () => broken("text", { serverData: '{\n  "servers": [,]\n}' }),
      /server-data\.json:2:15 OPTIMIZE_JSON_INVALID /,
    ],
    [
      "JSON that ends early",
      () => broken("early", { modelData: '{"models": [\n' }),
      /model-data\.json:2:1 OPTIMIZE_JSON_INVALID /,
    ],
    [
      "a negative rate",
      () => broken("negative", wrongServer({ currentAlloc: load(-1) })),
      /server-data\.json:\d+:\d+ OPTIMIZE_INPUT_INVALID servers\[0\]\.currentAlloc\.load\.arrivalRate: found -1/,
    ],
    [
      "NaN",
      () => broken("nan", { serverData: '{"servers":[{"name":"s","maxBatchSize":NaN}]}' }),
      /OPTIMIZE_JSON_INVALID /,
    ],
    [
      "an infinite number",
      () => broken("infinite", { serverData: '{"servers":[{"name":"s","maxBatchSize":1e999}]}' }),
      /server-data\.json:1:\d+ OPTIMIZE_INPUT_INVALID servers\[0\]\.maxBatchSize: found Infinity/,
    ],
    [
      "duplicate servers",
      () => broken("twice", { serverData: { servers: [serverData.servers[0], serverData.servers[0]] } }),
      /server-data\.json:\d+:\d+ OPTIMIZE_NAME_DUPLICATE servers\[1\]: found premium/,
    ],
    [
      "an unknown policy",
      () => broken("policy", { optimizerData: { optimizer: { saturationPolicy: "Fair" } } }),
      /OPTIMIZE_INPUT_INVALID optimizer\.saturationPolicy: found "Fair"\n {4}allowed: None, /,
    ],
  ])("%s", async (_what, path, stderr) => {
    const result = await runCli(["optimize", "--system", path(), "--format", "json"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(stderr);
    expect(result.stderr).toContain("remedy: ");
    expect(result.stdout).toBe("");
  });

  test("a time limit without its unit is a wrong command line", async () => {
    const result = await runCli(["optimize", "--system", "x", "--time-limit", "10"]);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/^CLI_USAGE .*a duration with its unit/);
  });
});
