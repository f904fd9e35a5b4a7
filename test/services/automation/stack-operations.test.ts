import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as automation from "../../../services/automation/index.ts";

const stacks = join(import.meta.dirname, "../../../stacks");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stack-operations-"));
  for (const name of ["HOME", "XDG_STATE_HOME", "PATH"]) vi.stubEnv(name, folder);
  for (const name of ["PULUMI_HOME", "PULUMI_BACKEND_URL", "npm_config_cache"]) vi.stubEnv(name, undefined);
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "");
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function codeOf(specFile: string): Promise<string> {
  const error: unknown = await automation
    .openStack({ stack: "prod", specFile, workDir: folder })
    .catch((thrown: unknown) => thrown);
  return automation.PlatformError.is(error) ? error.code : String(error);
}

test("says that no Pulumi CLI can be had, once the spec is right", async () => {
  expect(await codeOf(join(stacks, "prod.yaml"))).toBe("ENGINE_CLI_MISSING");
});

test("says what is wrong with the spec before it looks for a CLI", async () => {
  expect(await codeOf(join(folder, "none.yaml"))).toBe("SPEC_FILE_NOT_FOUND");
  expect(await codeOf(join(stacks, "local.yaml"))).toBe("STACK_STAGE_UNSUPPORTED");
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
