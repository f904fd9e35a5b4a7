import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { toolchainFolder } from "./cache-folder.ts";
import { withFolderLock } from "./folder-lock.ts";
import { pythonInterpreter, type PythonInterpreter } from "./python-interpreter.ts";

/** The servers that run from an environment of their own, and their clients, in the order in which they are prepared. */
export const pythonServers = [
  "triton",
  "triton-client",
  "dynamo",
  "kserve",
  "ray-serve",
  "torchserve",
  "mlflow",
  "moto",
  "envoy",
] as const;

/** Proxies that only a bench compares with: prepared when they are named. */
export const benchServers = ["litellm"] as const;

export type PythonServer = (typeof pythonServers)[number] | (typeof benchServers)[number];

export type PythonEnvironment =
  | {
      readonly kind: "ready";
      /** The environment's folder. */
      readonly folder: string;
      /** Path of its interpreter. */
      readonly python: string;
      readonly sitePackages: string;
    }
  | { readonly kind: "missing"; readonly reason: string };

/** Installed with their dependencies, all of which are pinned too. */
const requirementsFile = "requirements.txt";
/** Installed alone, because what they declare cannot or need not be installed. Not every server has it. */
const aloneFile = "requirements-no-deps.txt";
/** Written last: an environment without it was not finished. */
const completeMarker = ".complete";

const pipErrorBytes = 4_000;

/** Locates a prepared environment; at once, and without making anything. */
export function pythonEnvironment(server: PythonServer): PythonEnvironment {
  const interpreter = pythonInterpreter();
  if (interpreter.kind === "missing") return interpreter;
  const found = locate(server, interpreter);
  const reason = `not prepared: run \`npm run toolchain:servers ${server}\``;
  return existsSync(join(found.folder, completeMarker)) ? found : { kind: "missing", reason };
}

/**
 * Makes the environment of a server, unless it is there. It is built where it stays, since the scripts in it hold its
 * path; a second process waits for the first one.
 *
 * @throws Error where there is no suitable Python or pip fails
 */
export async function preparePythonEnvironment(
  server: PythonServer,
  progress: (line: string) => void,
): Promise<Extract<PythonEnvironment, { kind: "ready" }>> {
  const interpreter = pythonInterpreter();
  if (interpreter.kind === "missing") throw new Error(`${server} ${interpreter.reason}`);
  const found = locate(server, interpreter);
  const marker = join(found.folder, completeMarker);
  if (existsSync(marker)) return found;
  return withFolderLock(
    found.folder,
    async () => {
      if (existsSync(marker)) return found;
      await rm(found.folder, { recursive: true, force: true });
      await mkdir(found.folder, { recursive: true });
      try {
        progress(`making an environment of Python ${interpreter.version} for ${server}`);
        await run(interpreter.command, ["-m", "venv", found.folder]);
        const source = requirementsFolder(server);
        await install(found.python, ["-r", join(source, requirementsFile)], progress);
        if (existsSync(join(source, aloneFile))) {
          await install(found.python, ["--no-deps", "-r", join(source, aloneFile)], progress);
        }
        await writeFile(marker, "");
      } catch (error) {
        await rm(found.folder, { recursive: true, force: true });
        throw error;
      }
      return found;
    },
    (holder) => progress(`waiting for process ${holder}, which makes the environment for ${server}`),
  );
}

/** Where the environment of a server is or will be; nothing without a suitable Python. */
export function environmentFolder(server: PythonServer): string | undefined {
  const interpreter = pythonInterpreter();
  return interpreter.kind === "missing" ? undefined : locate(server, interpreter).folder;
}

function locate(
  server: PythonServer,
  { version }: PythonInterpreter,
): Extract<PythonEnvironment, { kind: "ready" }> {
  const digest = createHash("sha256").update(`${process.platform}-${process.arch}-${version}`);
  for (const file of [requirementsFile, aloneFile]) {
    const path = join(requirementsFolder(server), file);
    if (existsSync(path)) digest.update(file).update(readFileSync(path));
  }
  const folder = join(toolchainFolder(), "python", `${server}-${digest.digest("hex").slice(0, 12)}`);
  return {
    kind: "ready",
    folder,
    python: join(folder, "bin", "python"),
    sitePackages: join(folder, "lib", `python${version}`, "site-packages"),
  };
}

function requirementsFolder(server: PythonServer): string {
  return join(import.meta.dirname, "python", server);
}

async function install(
  python: string,
  args: readonly string[],
  progress: (line: string) => void,
): Promise<void> {
  const pip = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"];
  // A source package would run its author's code and need compilers; all that is pinned has binaries.
  await run(python, [...pip, "--only-binary", ":all:", ...args], (line) => {
    if (/^Downloading .* MB\)$/.test(line)) progress(`  ${line}`);
  });
}

/** Runs a program at low priority; rejects with the end of its errors where it fails. */
async function run(
  command: string,
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-pipErrorBytes);
  });
  child.stdout.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString().split("\n")) onLine(line.trim());
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${errors.trim()}`);
}
