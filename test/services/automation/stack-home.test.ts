import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { settleStackHome } from "../../../services/automation/stack-home.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stack-home-"));
  vi.stubEnv("XDG_STATE_HOME", folder);
  vi.stubEnv("PULUMI_BACKEND_URL", undefined);
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "");
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE_FILE", undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function failure(options: {
  backendUrl?: string;
  workDir?: string;
}): Promise<PlatformError | undefined> {
  const error: unknown = await settleStackHome({ stack: "prod", ...options }).catch(
    (thrown: unknown) => thrown,
  );
  return PlatformError.is(error) ? error : undefined;
}

test("keeps state in a folder that only this user may read", async () => {
  const { backendUrl } = await settleStackHome({ stack: "prod", workDir: folder });
  expect(backendUrl).toBe(`file://${folder}/domino-inference/pulumi`);
  for (const path of ["domino-inference", "domino-inference/pulumi"]) {
    expect((await stat(join(folder, path))).mode & 0o777).toBe(0o700);
  }
});

test("a backend that is asked for wins over the environment's, and that over the own folder", async () => {
  vi.stubEnv("PULUMI_BACKEND_URL", "s3://state");
  expect((await settleStackHome({ stack: "prod", workDir: folder })).backendUrl).toBe("s3://state");
  const asked = await settleStackHome({ stack: "prod", workDir: folder, backendUrl: "gs://state" });
  expect(asked.backendUrl).toBe("gs://state");
});

test("works in the current folder where it is a Pulumi project, and else in a folder of its own", async () => {
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  expect((await settleStackHome({ stack: "prod" })).workDir).toBe(join(folder, "domino-inference/project"));
  await writeFile(join(folder, "Pulumi.yaml"), "name: domino-inference\nruntime: nodejs\n");
  expect((await settleStackHome({ stack: "prod" })).workDir).toBe(folder);
});

test("refuses a self-managed backend without a passphrase, and says what to set", async () => {
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", undefined);
  const error = await failure({ workDir: folder, backendUrl: "s3://user:s3cr3t@state?token=s3cr3t" });
  expect(error?.code).toBe("STACK_CONFIG_INVALID");
  expect(error?.message).toContain('nothing encrypts the secrets of stack "prod" in the backend s3://state');
  expect(error?.message).toContain("Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE");
  expect(error?.message).not.toContain("s3cr3t");
});

test("needs no passphrase where a file has it, where a key service encrypts, or where Pulumi Cloud does", async () => {
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", undefined);
  expect(await failure({ workDir: folder, backendUrl: "https://api.pulumi.com" })).toBeUndefined();
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE_FILE", "/run/secrets/passphrase");
  expect(await failure({ workDir: folder })).toBeUndefined();
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE_FILE", undefined);
  await writeFile(join(folder, "Pulumi.prod.yaml"), "secretsprovider: awskms://alias/pulumi\n");
  expect(await failure({ workDir: folder })).toBeUndefined();
  await writeFile(join(folder, "Pulumi.prod.yaml"), "secretsprovider: passphrase\n");
  expect(await failure({ workDir: folder })).toMatchObject({ code: "STACK_CONFIG_INVALID" });
});
