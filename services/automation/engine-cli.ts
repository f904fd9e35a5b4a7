import { access, constants, readdir, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join, sep } from "node:path";
import { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { PlatformError } from "../../platform/errors/platform-error.ts";

export interface EngineCliOptions {
  /**
   * Download the official release where no CLI is found. Off unless asked for: it runs an installer from the network.
   * @default false
   */
  readonly installCli?: boolean;
}

/** One place that was looked at, and why it did not serve. */
interface Miss {
  readonly place: string;
  readonly reason: string;
}

const executable = process.platform === "win32" ? "pulumi.exe" : "pulumi";

/**
 * Finds the Pulumi CLI, which holds the engine: on PATH, in PULUMI_HOME, where the Automation API installs it, in npx's
 * cache; else, where that is allowed, downloads it.
 *
 * @throws PlatformError ENGINE_CLI_MISSING with every place that was looked at
 */
export async function findEngineCli(options: EngineCliOptions = {}): Promise<PulumiCommand> {
  const misses: Miss[] = [];
  for (const attempt of [onPath, inPulumiHome, inInstalledVersions, inNpxCache]) {
    const found = await attempt(misses);
    if (found) return found;
  }
  if (options.installCli === true) {
    try {
      return await PulumiCommand.install();
    } catch (error) {
      misses.push({ place: "https://get.pulumi.com", reason: `the download failed (${firstLine(error)})` });
    }
  } else {
    misses.push({ place: "https://get.pulumi.com", reason: "the download was not asked for" });
  }
  throw new PlatformError([
    {
      code: "ENGINE_CLI_MISSING",
      message: `no Pulumi CLI that can be used: ${misses.map(({ place, reason }) => `${place}: ${reason}`).join("; ")}`,
    },
  ]);
}

async function onPath(misses: Miss[]): Promise<PulumiCommand | undefined> {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  for (const folder of folders) {
    if (!(await canRun(join(folder, executable)))) continue;
    return tryCommand(misses, join(folder, executable), undefined);
  }
  misses.push({ place: "PATH", reason: `no folder has ${executable}` });
  return undefined;
}

function inPulumiHome(misses: Miss[]): Promise<PulumiCommand | undefined> {
  return tryRoot(misses, pulumiHome());
}

/** Each version has a folder of its own; the newest that works serves. */
async function inInstalledVersions(misses: Miss[]): Promise<PulumiCommand | undefined> {
  // Where the Automation API puts what it downloads, whatever PULUMI_HOME says.
  const folder = join(homedir(), ".pulumi", "versions");
  const versions = (await subfolders(folder)).toSorted((left, right) =>
    right.localeCompare(left, "en", { numeric: true }),
  );
  if (versions.length === 0) misses.push({ place: folder, reason: "no version" });
  for (const version of versions) {
    const found = await tryRoot(misses, join(folder, version));
    if (found) return found;
  }
  return undefined;
}

async function inNpxCache(misses: Miss[]): Promise<PulumiCommand | undefined> {
  const cache = join(process.env.npm_config_cache ?? join(homedir(), ".npm"), "_npx");
  for (const folder of await subfolders(cache)) {
    const program = await realpath(join(cache, folder, "node_modules", ".bin", executable)).catch(
      () => undefined,
    );
    if (program?.endsWith(join(sep, "bin", executable))) {
      const found = await tryRoot(misses, dirname(dirname(program)));
      if (found) return found;
    }
  }
  misses.push({ place: cache, reason: "no pulumi" });
  return undefined;
}

async function tryRoot(misses: Miss[], root: string): Promise<PulumiCommand | undefined> {
  const program = join(root, "bin", executable);
  if (await canRun(program)) return tryCommand(misses, program, root);
  misses.push({ place: program, reason: "not there" });
  return undefined;
}

/** Asks the program for its version, which the SDK compares with what it needs. */
async function tryCommand(
  misses: Miss[],
  program: string,
  root: string | undefined,
): Promise<PulumiCommand | undefined> {
  try {
    return await PulumiCommand.get(root === undefined ? {} : { root });
  } catch (error) {
    misses.push({ place: program, reason: `cannot be used (${firstLine(error)})` });
    return undefined;
  }
}

function pulumiHome(): string {
  return process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");
}

async function canRun(program: string): Promise<boolean> {
  return access(program, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function subfolders(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** What the SDK makes of a failed command has several lines; the one that says what happened is enough here. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.split("\n").map((line) => line.replace(/^\s*(?:stderr|err\?|stdout):\s*/, "").trim());
  return lines.find((line) => line !== "" && !/^code: /.test(line)) ?? "no message";
}
