import { mkdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import type { Problem } from "../../platform/errors/platform-error.ts";
import { settingsNamespace } from "../../stacks/stack-settings.ts";
import { projectFilesIn } from "./project-files.ts";

/** Where a stack's files and state are. */
export interface StackHome {
  /** Folder with `Pulumi.yaml` and `Pulumi.<stack>.yaml`. */
  readonly workDir: string;
  /** Where the engine keeps the stack's state. */
  readonly backendUrl: string;
}

export interface StackHomeOptions {
  readonly backendUrl?: string;
  readonly workDir?: string;
}

/**
 * Finds where a stack lives, and creates nothing.
 *
 * State: as asked for, else as PULUMI_BACKEND_URL says, else in a folder of this user's that nobody else may read: state
 * names every resource of the platform. Settings: in the project folder, as with the Pulumi CLI itself, so that both
 * work on the same stack.
 */
export function findStackHome({ backendUrl, workDir }: StackHomeOptions): StackHome {
  return {
    workDir: workDir === undefined ? defaultWorkDir() : resolve(workDir),
    backendUrl: backendUrl ?? process.env.PULUMI_BACKEND_URL ?? ownBackendUrl(),
  };
}

/** What keeps a stack from living there: a project of another name, secrets that nothing would encrypt. */
export async function problemsOfStackHome(stack: string, home: StackHome): Promise<Problem[]> {
  return [...(await foreignProjects(home.workDir)), ...(await missingPassphrase(stack, home))];
}

/** Creates the folders that are this user's own; every other one is somebody's choice, and stays as it is. */
export async function createOwnFolders({ workDir, backendUrl }: StackHome): Promise<void> {
  if (backendUrl === ownBackendUrl()) await createPrivate(ownFolder("pulumi"));
  if (workDir === ownFolder("project")) await createPrivate(workDir);
}

function defaultWorkDir(): string {
  const here = process.cwd();
  return projectFilesIn(here).length === 0 ? ownFolder("project") : here;
}

function ownBackendUrl(): string {
  return pathToFileURL(ownFolder("pulumi")).href;
}

function ownFolder(name: string): string {
  const state = process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state");
  return join(state, "domino-inference", name);
}

async function createPrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** A stack of the same name in another project has resources of its own, which an update or a destroy would take away. */
async function foreignProjects(workDir: string): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const file of projectFilesIn(workDir)) {
    const found = await yamlAt(file);
    const name = textOf(found.value, "name");
    if (name === settingsNamespace) continue;
    const named = name === undefined ? "names no Pulumi project" : `is of the Pulumi project "${name}"`;
    problems.push({
      code: "STACK_CONFIG_INVALID",
      path: file,
      message: `${found.failure ?? named}; expected "${settingsNamespace}"`,
      remedy: `Run from the folder of the project "${settingsNamespace}", or from an empty one.`,
    });
  }
  return problems;
}

/** A self-managed backend encrypts a stack's secrets with a passphrase unless the stack names a key service. */
async function missingPassphrase(stack: string, { workDir, backendUrl }: StackHome): Promise<Problem[]> {
  if (/^https?:/.test(backendUrl)) return [];
  const { PULUMI_CONFIG_PASSPHRASE: text, PULUMI_CONFIG_PASSPHRASE_FILE: file } = process.env;
  if (text !== undefined || file !== undefined) return [];
  const settings = await yamlAt(join(workDir, `Pulumi.${stack}.yaml`));
  const provider = textOf(settings.value, "secretsprovider");
  if (provider !== undefined && provider !== "passphrase") return [];
  return [
    {
      code: "STACK_CONFIG_INVALID",
      path: "PULUMI_CONFIG_PASSPHRASE",
      message: `nothing encrypts the secrets of stack "${stack}" in the backend ${withoutCredentials(backendUrl)}`,
      remedy:
        "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE (it may be empty for a throw-away stack), " +
        "or name a key service under secretsprovider in Pulumi.<stack>.yaml.",
    },
  ];
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//").replace(/\?.*$/, "");
}

interface FoundYaml {
  readonly value?: unknown;
  /** Never the file's text, which may hold a secret. */
  readonly failure?: string;
}

async function yamlAt(file: string): Promise<FoundYaml> {
  try {
    return { value: parse(await readFile(file, "utf8"), { logLevel: "error" }) as unknown };
  } catch {
    return { failure: "cannot be read as YAML" };
  }
}

function textOf(value: unknown, key: string): string | undefined {
  const found: unknown =
    typeof value === "object" && value !== null && key in value ? Reflect.get(value, key) : undefined;
  return typeof found === "string" ? found : undefined;
}
