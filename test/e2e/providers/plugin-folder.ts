import { constants } from "node:fs";
import { access, chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { compileCache } from "../../support/compile-cache.ts";

export type PluginName = "aws" | "eks" | "kubernetes";

const pluginNames: readonly PluginName[] = ["aws", "eks", "kubernetes"];

/** Environment variable by which a run insists on official plugins: `required`. */
export const officialProvidersVariable = "DOMINO_INFERENCE_E2E_OFFICIAL_PROVIDERS";

export interface PluginFolderOptions {
  /**
   * Plugins whose official release is taken where it is installed.
   * @default ["kubernetes"]: its API server is real here, while the official `aws` would act on a real account
   */
  readonly official?: readonly PluginName[];
}

export interface PluginFolder {
  /** What the engine's process needs to find the plugins. */
  readonly environment: Readonly<Record<string, string>>;
  /** Which of the plugins are official releases. */
  readonly official: readonly PluginName[];
}

/** An official plugin was required and is not installed. */
export class OfficialPluginMissing extends Error {
  readonly code = "E2E_OFFICIAL_PLUGIN_MISSING";
}

/**
 * Makes a home for the engine, in which provider plugins of the versions that this project's SDKs ask for are installed.
 * A plugin on PATH would do too, but the engine warns of every one it takes from there, in every operation.
 *
 * @param folder empty or absent; the engine keeps its own files there as well
 * @throws OfficialPluginMissing where DOMINO_INFERENCE_E2E_OFFICIAL_PROVIDERS is `required` and one is not installed
 */
export async function makePluginFolder(
  folder: string,
  { official = ["kubernetes"] }: PluginFolderOptions = {},
): Promise<PluginFolder> {
  const installed = await officialPlugins();
  const missing = official.filter((name) => !installed.has(name));
  if (process.env[officialProvidersVariable] === "required" && missing.length > 0) {
    const names = await Promise.all(missing.map(async (name) => `${name} ${await sdkVersion(name)}`));
    throw new OfficialPluginMissing(
      `${officialProvidersVariable} is "required", but no official plugin is installed for ${names.join(", ")}. ` +
        "Install it with `pulumi plugin install resource <name> <version>`, or unset the variable.",
    );
  }
  for (const name of pluginNames) {
    const program = official.includes(name) ? installed.get(name) : undefined;
    await writeLauncher(folder, name, program);
  }
  return {
    environment: {
      PULUMI_HOME: folder,
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    },
    official: official.filter((name) => installed.has(name)),
  };
}

/** Programs of the official plugins in this user's engine home, of exactly the versions that the SDKs ask for. */
export async function officialPlugins(
  home: string = process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"),
): Promise<ReadonlyMap<PluginName, string>> {
  const found = new Map<PluginName, string>();
  for (const name of pluginNames) {
    const folder = pluginPath(home, name, await sdkVersion(name));
    const program = join(folder, `pulumi-resource-${name}`);
    // The engine leaves such a file beside a plugin whose download did not end.
    if (!(await exists(`${folder}.partial`, constants.F_OK)) && (await exists(program, constants.X_OK)))
      found.set(name, program);
  }
  return found;
}

async function writeLauncher(home: string, name: PluginName, officialProgram: string | undefined) {
  const version = await sdkVersion(name);
  const folder = pluginPath(home, name, version);
  await mkdir(folder, { recursive: true });
  const main = join(import.meta.dirname, name === "kubernetes" ? "kubernetes" : "generic", "main.ts");
  const command =
    officialProgram === undefined
      ? [process.execPath, main, version].map(quoted).join(" ")
      : `${quoted(officialProgram)} "$@"`;
  const launcher = join(folder, `pulumi-resource-${name}`);
  const lines = [
    "#!/bin/sh",
    // Options of the process that runs the tests are none of the plugin's.
    "unset NODE_OPTIONS",
    `export NODE_COMPILE_CACHE=${quoted(compileCache.NODE_COMPILE_CACHE)}`,
    `exec ${command}`,
  ];
  await writeFile(launcher, `${lines.join("\n")}\n`);
  await chmod(launcher, 0o755);
}

function pluginPath(home: string, name: PluginName, version: string): string {
  return join(home, "plugins", `resource-${name}-v${version}`);
}

/** Version of the installed SDK, which is that of the plugin it asks for. */
async function sdkVersion(name: PluginName): Promise<string> {
  const root = join(import.meta.dirname, "..", "..", "..");
  const manifest = join(root, "node_modules", "@pulumi", name, "package.json");
  return (JSON.parse(await readFile(manifest, "utf8")) as { readonly version: string }).version;
}

async function exists(file: string, mode: number): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
