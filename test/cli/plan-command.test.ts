import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { PlatformPlan } from "../../platform/plan/platform-plan.ts";
import { runCli } from "../support/run-cli.ts";
import { smallSpec } from "../support/spec-fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

function specFile(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe("plan", () => {
  test.each(["dev", "test", "prod", "local"])(
    "prints the plan of the shipped stack %s as a table",
    async (stack) => {
      const { code, stdout, stderr } = await runCli(["plan", "--stack", stack]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain("chat-llama-3-70b-premium");
      expect(stdout).toMatch(/USD\/h, \d+ nodes, \d+ of \d+ GPUs used, (\d+) of \1 servers placed/);
      expect(stdout).toContain("estimated, not measured");
    },
  );

  test("prints the whole plan as JSON", async () => {
    const { stdout } = await runCli([
      "plan",
      "--spec",
      specFile("small.yaml", smallSpec),
      "--format",
      "json",
    ]);
    const plan = JSON.parse(stdout) as PlatformPlan;
    expect(plan).toMatchObject({ kind: "PlatformPlan", platform: "small" });
    expect(plan.servers.map((server) => server.id)).toEqual([
      "chat/llama-3-70b/1/Premium",
      "tabular/bert-base/3/Free",
      "tabular/bert-base/3/Premium",
    ]);
  });

  test("prints over how many nodes a replica lies, and the bounds of an autoscaler", async () => {
    const large = await runCli(["plan", "--spec", "examples/vllm-multi-node.yaml"]);
    expect(large.stdout).toContain("16x H100-80G on 2 nodes");
    const scaled = await runCli(["plan", "--spec", "examples/vllm-standalone.yaml"]);
    expect(scaled.stdout).toMatch(/\d \(1-4\)/);
  });

  test("prints what it can place, names what it cannot on stderr, and ends with 1", async () => {
    const file = specFile("tight.yaml", smallSpec.replace("ttftP95: 2s", "ttftP95: 1ms"));
    const { code, stdout, stderr } = await runCli(["plan", "--spec", file]);
    expect(code).toBe(1);
    expect(stdout).toContain("2 of 3 servers placed");
    expect(stderr).toMatch(
      /^PLAN_UNPLACEABLE chat\/llama-3-70b\/1\/Premium cannot be placed\. Nearest: .*ttftP95/,
    );
    expect(stderr).toContain("remedy: ");
  });
});

describe("a coded error on stderr without a stack trace", () => {
  test.each([
    [
      "a missing file",
      ["plan", "--spec", "nowhere.yaml"],
      1,
      /^SPEC_FILE_NOT_FOUND cannot read nowhere\.yaml/,
    ],
    ["an unknown stack", ["plan", "--stack", "pord"], 1, /^STACK_UNKNOWN .*did you mean "prod"/],
    ["no stack at all", ["plan"], 1, /^STACK_UNKNOWN neither --stack nor --spec/],
    ["an unknown command", ["pln"], 2, /^CLI_USAGE unknown command/],
    ["an unknown option", ["plan", "--stak", "prod"], 2, /^CLI_USAGE unknown option/],
    ["an unknown format", ["plan", "--stack", "prod", "--format", "xml"], 2, /^CLI_USAGE .*xml/],
    ["two specs", ["plan", "--stack", "prod", "--spec", "x.yaml"], 2, /^CLI_USAGE /],
    ["a port that is none", ["start", "--port", "99999"], 2, /^CLI_USAGE /],
  ])("reports %s", async (_what, args, code, stderr) => {
    const result = await runCli(args);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(stderr);
    expect(result.stderr).toContain("remedy: ");
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(result.stdout).toBe("");
  });

  test.each([
    ["broken YAML", "a: [", "SPEC_YAML_INVALID"],
    ["a wrong type", smallSpec.replace("600/min", "fast"), "SPEC_TYPE_INVALID"],
    ["an unknown engine", smallSpec.replace("type: vllm", "type: vlm"), "SPEC_ENGINE_UNKNOWN"],
    ["an unknown accelerator", smallSpec.replace("use: [L4,", "use: [L5,"), "SPEC_ACCELERATOR_UNKNOWN"],
    ["a key that nothing acts on yet", `${smallSpec}benchmark: {}\n`, "SPEC_KEY_NOT_YET_SUPPORTED"],
    ["duplicate names", smallSpec.replace("name: chat", "name: tabular"), "SPEC_NAME_DUPLICATE"],
  ])("reports %s with file, line and column", async (what, text, code) => {
    const file = specFile(`${what.replaceAll(" ", "-")}.yaml`, text);
    const result = await runCli(["plan", "--spec", file]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(new RegExp(`^${file}:\\d+:\\d+ ${code} `));
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });
});

test("help ends with 0 and names every command", async () => {
  const { code, stdout } = await runCli(["--help"]);
  expect(code).toBe(0);
  for (const command of ["plan", "preview", "up", "destroy", "outputs", "start"])
    expect(stdout).toContain(`  ${command} `);
});
