import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { PlatformPlan } from "../../platform/plan/platform-plan.ts";
import type { Frontier } from "../../platform/frontier/frontier.ts";
import { runCli } from "../support/run-cli.ts";
import { smallSpec } from "../support/spec-fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "frontier-"));
afterAll(() => rmSync(folder, { recursive: true }));
const spec = join(folder, "small.yaml");
writeFileSync(spec, `${smallSpec}budget: 60 USD/h\n`);

async function frontierOf(...options: readonly string[]): Promise<Frontier> {
  const { code, stdout, stderr } = await runCli(["frontier", "--spec", spec, "--format", "json", ...options]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Frontier;
}

describe("frontier", () => {
  test("prints a table for load and one for targets, with the spec's row, limits and notes", async () => {
    const { code, stdout, stderr } = await runCli(["frontier", "--stack", "prod"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Cost against load (all 8 servers)");
    expect(stdout).toContain("Cost against latency targets (6 of 8 servers)");
    expect(stdout.match(/│ spec 1x │/g)).toHaveLength(2);
    expect(stdout).toMatch(
      /every server is placed down to targets [\d.]+x: no place for chat\/llama-3-70b\/1\/Premium \(/,
    );
    expect(stdout).toMatch(
      /the budget of 250\.00 USD\/h suffices for every server (at every factor|up to load [\d.]+x)/,
    );
    expect(stdout).toContain(
      "replicas written in the spec stay as they are at every factor: triton-domino-ondemand",
    );
  });

  test("the point of the spec costs what plan says", async () => {
    const plan = JSON.parse(
      (await runCli(["plan", "--spec", spec, "--format", "json"])).stdout,
    ) as PlatformPlan;
    const { curves } = await frontierOf("--steps", "3");
    for (const curve of curves)
      expect(curve.points.find(({ factor }) => factor === 1)?.usdPerHour).toBe(plan.totals.usdPerHour);
  });

  test("takes the range, the steps and one curve alone", async () => {
    const { curves } = await frontierOf("--vary", "load", "--from", "0.5", "--to", "8", "--steps", "5");
    expect(curves.map(({ vary }) => vary)).toEqual(["load"]);
    expect(curves[0]?.points.map(({ factor }) => factor)).toEqual([0.5, 1, 2, 4, 8]);
  });

  test.each([
    [
      ["--server", "tabular/*"],
      ["tabular/bert-base/3/Free", "tabular/bert-base/3/Premium"],
    ],
    [["--model", "llama-3-70b"], ["chat/llama-3-70b/1/Premium"]],
  ])("varies only the servers of %o", async (options, servers) => {
    const { curves } = await frontierOf("--vary", "load", "--steps", "2", ...options);
    expect(curves[0]?.servers).toEqual(servers);
  });

  test.each([
    ["svg", /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /],
    ["html", /^<!doctype html>\n<html lang="en">/],
  ])("prints %s, and the same bytes from another process", async (format, start) => {
    const run = () => runCli(["frontier", "--spec", spec, "--steps", "3", "--format", format]);
    const [one, other] = [await run(), await run()];
    expect({ code: one.code, stderr: one.stderr }).toEqual({ code: 0, stderr: "" });
    expect(one.stdout).toMatch(start);
    expect(other.stdout).toBe(one.stdout);
  });

  test("writes into a file and prints nothing", async () => {
    const file = join(folder, "small.svg");
    const result = await runCli([
      "frontier",
      "--spec",
      spec,
      "--steps",
      "2",
      "--format",
      "svg",
      "--output",
      file,
    ]);
    expect(result).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(readFileSync(file, "utf8")).toMatch(/<\/svg>\n$/);
  });

  test("ends with 0 also where servers are left out: that is an answer", async () => {
    const tight = join(folder, "tight.yaml");
    writeFileSync(tight, smallSpec.replace("ttftP95: 2s", "ttftP95: 1ms"));
    const { code, stdout } = await runCli(["frontier", "--spec", tight, "--vary", "load", "--steps", "3"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /every server is placed at no factor: no place for chat\/llama-3-70b\/1\/Premium \(.*ttftP95/,
    );
  });
});

describe("a what-if that cannot be asked", () => {
  test.each([
    ["a factor of zero", ["--from", "0"], 2, /^CLI_USAGE .*0\.01 to 100/],
    ["a negative factor", ["--from=-1"], 2, /^CLI_USAGE .*0\.01 to 100/],
    ["a factor that is no number", ["--to", "much"], 2, /^CLI_USAGE .*0\.01 to 100/],
    ["a factor beyond all plans", ["--to", "1e9"], 2, /^CLI_USAGE .*0\.01 to 100/],
    ["a range that runs backwards", ["--from", "4", "--to", "2"], 2, /^CLI_USAGE --from must be below --to/],
    ["one step", ["--steps", "1"], 2, /^CLI_USAGE .*from 2 to 101/],
    ["too many steps", ["--steps", "102"], 2, /^CLI_USAGE .*from 2 to 101/],
    ["half a step", ["--steps", "2.5"], 2, /^CLI_USAGE .*from 2 to 101/],
    ["something else to vary", ["--vary", "price"], 2, /^CLI_USAGE .*price/],
    ["servers and a model", ["--server", "*", "--model", "bert-base"], 2, /^CLI_USAGE /],
    [
      "an unknown server",
      ["--server", "chat/lama"],
      1,
      /^PLAN_SERVER_UNKNOWN no server of the spec is "chat\/lama"/,
    ],
    ["an unknown model", ["--model", "bert-bse"], 1, /^PLAN_SERVER_UNKNOWN .*did you mean "bert-base"/],
    [
      "a file in no folder",
      ["--output", join(folder, "none", "x.svg")],
      1,
      /^CLI_OUTPUT_UNWRITABLE .*ENOENT/,
    ],
  ])("%s is a coded error", async (_what, options, code, stderr) => {
    const result = await runCli(["frontier", "--spec", spec, "--steps", "2", ...options]);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(stderr);
    expect(result.stderr).toContain("remedy: ");
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(result.stdout).toBe("");
  });
});
