import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { findEngineCli } from "../../../services/automation/engine-cli.ts";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "engine-cli-"));
  vi.stubEnv("HOME", home);
  vi.stubEnv("PATH", join(home, "on-path"));
  vi.stubEnv("PULUMI_HOME", undefined);
  vi.stubEnv("npm_config_cache", undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

/** A program that answers `pulumi version`, and nothing else. */
async function putCli(file: string, version: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n[ "$1" = version ] && echo ${version}\n`);
  await chmod(file, 0o755);
}

async function foundVersion(): Promise<string | undefined> {
  return (await findEngineCli()).version?.toString();
}

async function missing(): Promise<string> {
  const error: unknown = await findEngineCli().catch((thrown: unknown) => thrown);
  if (!PlatformError.is(error) || error.code !== "ENGINE_CLI_MISSING")
    throw new Error("expected ENGINE_CLI_MISSING");
  return error.message;
}

test("takes the CLI on PATH before any other", async () => {
  await putCli(join(home, "on-path", "pulumi"), "v3.201.0");
  await putCli(join(home, ".pulumi", "bin", "pulumi"), "v3.202.0");
  expect(await foundVersion()).toBe("3.201.0");
});

test("takes the CLI of PULUMI_HOME, by default ~/.pulumi", async () => {
  await putCli(join(home, ".pulumi", "bin", "pulumi"), "v3.202.0");
  expect(await foundVersion()).toBe("3.202.0");
  vi.stubEnv("PULUMI_HOME", join(home, "elsewhere"));
  await putCli(join(home, "elsewhere", "bin", "pulumi"), "v3.203.0");
  expect(await foundVersion()).toBe("3.203.0");
});

test("takes the newest version that the Automation API has installed", async () => {
  await putCli(join(home, ".pulumi", "versions", "3.99.0", "bin", "pulumi"), "v3.99.0");
  await putCli(join(home, ".pulumi", "versions", "3.204.0", "bin", "pulumi"), "v3.204.0");
  expect(await foundVersion()).toBe("3.204.0");
});

test("takes the CLI in the cache of npx", async () => {
  const modules = join(home, ".npm", "_npx", "abc", "node_modules");
  await putCli(join(modules, "pulumi", "bin", "pulumi"), "v3.205.0");
  await mkdir(join(modules, ".bin"), { recursive: true });
  await symlink("../pulumi/bin/pulumi", join(modules, ".bin", "pulumi"));
  expect(await foundVersion()).toBe("3.205.0");
});

test("goes on where the CLI on PATH is too old", async () => {
  await putCli(join(home, "on-path", "pulumi"), "v2.25.2");
  await putCli(join(home, ".pulumi", "bin", "pulumi"), "v3.202.0");
  expect(await foundVersion()).toBe("3.202.0");
});

test("names every place where it looked, and why each did not serve", async () => {
  await putCli(join(home, ".pulumi", "bin", "pulumi"), "v2.25.2");
  const message = await missing();
  expect(message).toContain("PATH: no folder has pulumi");
  expect(message).toContain(
    `${join(home, ".pulumi/bin/pulumi")}: cannot be used (Minimum version requirement failed.`,
  );
  expect(message).toContain(`${join(home, ".pulumi/versions")}: no version`);
  expect(message).toContain(`${join(home, ".npm/_npx")}: no pulumi`);
  expect(message).toContain("https://get.pulumi.com: the download was not asked for");
  expect(message).toContain("remedy: Install the Pulumi CLI and put it on PATH");
});

test("says why a program of that name cannot be used", async () => {
  const file = join(home, "on-path", "pulumi");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, "#!/bin/sh\necho broken >&2\nexit 3\n");
  await chmod(file, 0o755);
  const message = await missing();
  expect(message).toContain(`${file}: cannot be used (Command failed with exit code 3: pulumi version)`);
  expect(message).not.toContain("    at ");
});
