import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import * as automation from "../../../services/automation/index.ts";

const stacks = join(import.meta.dirname, "../../../stacks");
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stack-operations-"));
  for (const name of ["HOME", "XDG_STATE_HOME", "PATH"]) vi.stubEnv(name, folder);
  for (const name of ["PULUMI_HOME", "PULUMI_BACKEND_URL", "npm_config_cache"]) vi.stubEnv(name, undefined);
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "");
  vi.spyOn(process, "cwd").mockReturnValue(folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** A program that answers `pulumi version`, and nothing else. */
async function putCli(): Promise<void> {
  await writeFile(join(folder, "pulumi"), '#!/bin/sh\n[ "$1" = version ] && echo v3.250.0\n', {
    mode: 0o755,
  });
}

type OpenOptions = Parameters<typeof automation.openStack>[0];

async function failure(options: Partial<OpenOptions> = {}): Promise<automation.PlatformError> {
  const error: unknown = await automation
    .openStack({ stack: "prod", specFile: join(stacks, "prod.yaml"), ...options })
    .catch((thrown: unknown) => thrown);
  if (!automation.PlatformError.is(error)) throw new Error("expected a platform error", { cause: error });
  return error;
}

async function codesOf(options: Partial<OpenOptions> = {}): Promise<string[]> {
  return (await failure(options)).problems.map(({ code }) => code);
}

test("says that no Pulumi CLI can be had, once the spec is right, and leaves no folder behind", async () => {
  expect(await codesOf()).toEqual(["ENGINE_CLI_MISSING"]);
  expect(await readdir(folder)).toEqual([]);
});

test("says what is wrong with the spec before it looks for a CLI", async () => {
  expect(await codesOf({ specFile: join(folder, "none.yaml") })).toEqual(["SPEC_FILE_NOT_FOUND"]);
  expect(await codesOf({ specFile: join(stacks, "local.yaml") })).toEqual(["STACK_STAGE_UNSUPPORTED"]);
});

test("reports a missing CLI, a foreign project and a missing passphrase at once", async () => {
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", undefined);
  await writeFile(join(folder, "Pulumi.yaml"), "name: webshop\nruntime: nodejs\n");
  const { problems } = await failure({ workDir: folder });
  expect(problems.map(({ code, path }) => [code, path])).toEqual([
    ["ENGINE_CLI_MISSING", undefined],
    ["STACK_CONFIG_INVALID", join(folder, "Pulumi.yaml")],
    ["STACK_CONFIG_INVALID", "PULUMI_CONFIG_PASSPHRASE"],
  ]);
  expect(await readdir(folder)).toEqual(["Pulumi.yaml"]);
});

test("refuses a folder of another project also where there is a CLI", async () => {
  await putCli();
  await writeFile(join(folder, "Pulumi.yaml"), "name: webshop\nruntime: nodejs\n");
  const error = await failure({ workDir: folder });
  expect(error.problems.map(({ code }) => code)).toEqual(["STACK_CONFIG_INVALID"]);
  expect(error.message).toContain('the Pulumi project "webshop"');
});

test("downloads no CLI for a stack that could not run", async () => {
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", undefined);
  const install = vi.spyOn(PulumiCommand, "install").mockRejectedValue(new Error("no network"));
  expect(await codesOf({ installCli: true })).toEqual(["STACK_CONFIG_INVALID"]);
  expect(install).not.toHaveBeenCalled();
});

test("creates the folders of its own once nothing is missing", async () => {
  await putCli();
  const stack = await automation.openStack({ stack: "prod", specFile: join(stacks, "prod.yaml") });
  expect(stack.name).toBe("prod");
  expect(await readdir(join(folder, "domino-inference"))).toEqual(["project", "pulumi"]);
});

test("refuses a stack name that the engine would refuse, before anything else", async () => {
  const error = await failure({ stack: "my stack!", specFile: join(folder, "none.yaml") });
  expect(error.problems).toMatchObject([{ code: "STACK_CONFIG_INVALID", path: "stack" }]);
  expect(error.message).toContain('"my stack!" cannot be the name of a stack');
});

test("the published entry offers exactly these values", () => {
  expect(Object.keys(automation).toSorted()).toEqual([
    "PlatformError",
    "openStack",
    "previewOffline",
    "renderPreview",
    "renderProgress",
  ]);
});
