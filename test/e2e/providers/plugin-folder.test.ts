import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import kubernetesManifest from "@pulumi/kubernetes/package.json" with { type: "json" };
import { makePluginFolder, officialPlugins, officialProvidersVariable } from "./plugin-folder.ts";

const kubernetesFolder = `resource-kubernetes-v${kubernetesManifest.version}`;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "plugin-folder-"));
  vi.stubEnv("PULUMI_HOME", join(folder, "user"));
  vi.stubEnv(officialProvidersVariable, undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function installOfficial(version: string = kubernetesFolder): Promise<void> {
  const plugin = join(folder, "user", "plugins", version);
  await mkdir(plugin, { recursive: true });
  await writeFile(join(plugin, "pulumi-resource-kubernetes"), '#!/bin/sh\necho "official $1"\n');
  await chmod(join(plugin, "pulumi-resource-kubernetes"), 0o755);
}

test("installs a plugin of the version of every SDK, and tells the engine where", async () => {
  const home = join(folder, "home");
  const { environment, official } = await makePluginFolder(home);
  expect(official).toEqual([]);
  expect(environment.PULUMI_HOME).toBe(home);
  const plugins = await readdir(join(home, "plugins"));
  expect(plugins.map((name) => name.replace(/-v.*/, ""))).toEqual([
    "resource-aws",
    "resource-eks",
    "resource-kubernetes",
  ]);
  expect(plugins).toContain(kubernetesFolder);
});

test("takes the official kubernetes plugin where it is installed, but never an official aws by itself", async () => {
  await installOfficial();
  const home = join(folder, "home");
  expect((await makePluginFolder(home)).official).toEqual(["kubernetes"]);
  const launcher = join(home, "plugins", kubernetesFolder, "pulumi-resource-kubernetes");
  const { stdout } = await promisify(execFile)(launcher, ["127.0.0.1:1"]);
  expect(stdout).toBe("official 127.0.0.1:1\n");
});

test("counts neither another version nor half a download as installed", async () => {
  await installOfficial("resource-kubernetes-v0.0.1");
  expect([...(await officialPlugins()).keys()]).toEqual([]);
  await installOfficial();
  expect([...(await officialPlugins()).keys()]).toEqual(["kubernetes"]);
  await writeFile(join(folder, "user", "plugins", `${kubernetesFolder}.partial`), "");
  expect([...(await officialPlugins()).keys()]).toEqual([]);
});

test("says which official plugin is missing where they are required", async () => {
  vi.stubEnv(officialProvidersVariable, "required");
  await expect(makePluginFolder(join(folder, "home"))).rejects.toMatchObject({
    code: "E2E_OFFICIAL_PLUGIN_MISSING",
    message: expect.stringContaining(`kubernetes ${kubernetesManifest.version}`) as string,
  });
  await installOfficial();
  expect((await makePluginFolder(join(folder, "home"))).official).toEqual(["kubernetes"]);
});
