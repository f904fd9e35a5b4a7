import { mkdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { PlatformError } from "../../platform/errors/platform-error.ts";

/** Where a stack's files and state are. */
export interface StackHome {
  /** Folder with `Pulumi.yaml` and `Pulumi.<stack>.yaml`. */
  readonly workDir: string;
  /** Where the engine keeps the stack's state. */
  readonly backendUrl: string;
}

export interface StackHomeOptions {
  readonly stack: string;
  readonly backendUrl?: string;
  readonly workDir?: string;
}

/**
 * Settles where a stack lives.
 *
 * State: as asked for, else as PULUMI_BACKEND_URL says, else in a folder of this user's that nobody else may read: state
 * names every resource of the platform. Settings: in the project folder, as with the Pulumi CLI itself, so that both
 * work on the same stack.
 *
 * @throws PlatformError STACK_CONFIG_INVALID where secrets could not be encrypted
 */
export async function settleStackHome(options: StackHomeOptions): Promise<StackHome> {
  const backendUrl = options.backendUrl ?? process.env.PULUMI_BACKEND_URL ?? (await ownBackendUrl());
  const workDir = await settleWorkDir(options.workDir);
  await requirePassphrase(options.stack, workDir, backendUrl);
  return { workDir, backendUrl };
}

async function ownBackendUrl(): Promise<string> {
  return pathToFileURL(await privateFolder("pulumi")).href;
}

async function settleWorkDir(workDir: string | undefined): Promise<string> {
  if (workDir !== undefined) return resolve(workDir);
  const here = process.cwd();
  return (await readOptional(join(here, "Pulumi.yaml"))) === undefined ? privateFolder("project") : here;
}

async function privateFolder(name: string): Promise<string> {
  const state = process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state");
  const folder = join(state, "domino-inference", name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** A self-managed backend encrypts a stack's secrets with a passphrase unless the stack names a key service. */
async function requirePassphrase(stack: string, workDir: string, backendUrl: string): Promise<void> {
  if (/^https?:/.test(backendUrl)) return;
  const { PULUMI_CONFIG_PASSPHRASE: text, PULUMI_CONFIG_PASSPHRASE_FILE: file } = process.env;
  if (text !== undefined || file !== undefined) return;
  const settings: unknown = parse((await readOptional(join(workDir, `Pulumi.${stack}.yaml`))) ?? "{}");
  const provider = (settings as { secretsprovider?: unknown } | null)?.secretsprovider;
  if (typeof provider === "string" && provider !== "passphrase") return;
  throw new PlatformError([
    {
      code: "STACK_CONFIG_INVALID",
      path: "PULUMI_CONFIG_PASSPHRASE",
      message: `nothing encrypts the secrets of stack "${stack}" in the backend ${withoutCredentials(backendUrl)}`,
      remedy:
        "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE (it may be empty for a throw-away stack), " +
        "or name a key service under secretsprovider in Pulumi.<stack>.yaml.",
    },
  ]);
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//").replace(/\?.*$/, "");
}

async function readOptional(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch(() => undefined);
}
