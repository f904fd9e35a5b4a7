import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { runCli } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "preview-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const dev = readFileSync("stacks/dev.yaml", "utf8");

function specFile(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe("preview --offline", () => {
  test("prints a tree of every resource with cost and policies", async () => {
    const { code, stdout, stderr } = await runCli(["preview", "--stack", "dev", "--offline"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/chat-llama-3-70b-premium-deployment +kubernetes:apps\/v1:Deployment/);
    expect(stdout).toMatch(/Cost +\d+\.\d\d USD\/h/);
    expect(stdout.match(/^ {2}ok {4}\S+$/gm)).toHaveLength(7);
  });

  test("prints JSON with resources, outputs, plan and policies", async () => {
    const { stdout } = await runCli(["preview", "--stack", "dev", "--offline", "--format", "json"]);
    const preview = JSON.parse(stdout) as Record<string, unknown[]>;
    expect(Object.keys(preview)).toEqual(["resources", "outputs", "plan", "policies"]);
    for (const resource of preview.resources ?? []) {
      expect(Object.keys(resource as object)).toEqual(["urn", "type", "name", "parent", "inputs"]);
    }
    expect(preview.policies).toHaveLength(7);
  });

  test("prints Kubernetes manifests that parse, each with its kind and name", async () => {
    const { stdout } = await runCli(["preview", "--stack", "dev", "--offline", "--format", "yaml"]);
    const manifests = parseAllDocuments(stdout).map((document) => document.toJS() as Record<string, unknown>);
    expect(manifests.length).toBeGreaterThan(20);
    for (const manifest of manifests) {
      expect(manifest).toMatchObject({
        apiVersion: expect.any(String),
        kind: expect.any(String),
        metadata: { name: expect.any(String) },
      });
    }
    expect(stdout).not.toContain("aws:");
  });

  test("ends with 1 and names the policy where a mandatory one is violated", async () => {
    const file = specFile("budget.yaml", dev.replace(/budget: .*/, "budget: 0.5 USD/h"));
    const { code, stdout } = await runCli(["preview", "--spec", file, "--offline"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/cost-within-budget/);
    expect(stdout).toMatch(/0\.50? USD\/h/);
  });
});

describe("a coded error on stderr without a stack trace", () => {
  test.each([
    [
      "a dataset without id",
      specFile("dataset.yaml", dev.replace(/ {6}resourceId: .*\n/, "")),
      /^STACK_DATASET_UNRESOLVED .*triton-dev-ds/,
    ],
    ["a platform of this machine", "stacks/local.yaml", /^STACK_STAGE_UNSUPPORTED /],
    [
      "a target that nothing meets",
      specFile("slo.yaml", dev.replace("ttftP95: 3s", "ttftP95: 1ms")),
      /^PLAN_UNPLACEABLE /,
    ],
  ])("reports %s", async (_what, file, stderr) => {
    const result = await runCli(["preview", "--spec", file, "--offline"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(stderr);
    expect(result.stderr).toContain("remedy: ");
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(result.stdout).toBe("");
  });

  const emptyHome = mkdtempSync(join(tmpdir(), "home-"));
  afterAll(() => rmSync(emptyHome, { recursive: true }));
  const env = {
    PATH: "/nowhere",
    HOME: emptyHome,
    PULUMI_HOME: join(emptyHome, "pulumi"),
    XDG_STATE_HOME: emptyHome,
    PULUMI_CONFIG_PASSPHRASE: "only for this test",
    npm_config_cache: join(emptyHome, "npm"),
  };

  test.each([["preview"], ["up"], ["outputs"], ["destroy", "--yes", "dev"]])(
    "reports that no Pulumi CLI can be had: %s",
    async (command, ...options) => {
      const result = await runCli([command, "--stack", "dev", ...options], { env });
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/^ENGINE_CLI_MISSING .*PATH/);
      expect(result.stderr).not.toMatch(/^\s+at /m);
      expect(result.stderr).not.toContain("only for this test");
    },
  );

  test.each([
    ["up without a stack", ["up"]],
    ["a preview by the engine without a stack", ["preview", "--spec", "stacks/dev.yaml"]],
    ["destroy that is not confirmed", ["destroy", "--stack", "dev"]],
    ["destroy that confirms another stack", ["destroy", "--stack", "dev", "--yes", "prod"]],
  ])("reports %s as a wrong command line", async (_what, args) => {
    const result = await runCli(args, { env });
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/^CLI_USAGE /);
  });
});
