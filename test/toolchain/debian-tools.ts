import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { toolchainFolder } from "./cache-folder.ts";
import { withFolderLock } from "./folder-lock.ts";

/** Programs of Debian's archive that benches run; unpacked into the cache, so nothing of the system changes. */
export interface DebianTool {
  readonly name: DebianToolName;
  /** The packages that are unpacked: itself and what a plain system lacks of its libraries. */
  readonly packages: readonly string[];
  /** Path of the program in the unpacked packages. */
  readonly program: string;
}

export type DebianToolName = "nginx" | "wrk";

export const debianTools: readonly DebianTool[] = [
  { name: "nginx", packages: ["nginx", "libnginx-mod-http-echo"], program: "usr/sbin/nginx" },
  { name: "wrk", packages: ["wrk", "libluajit2-5.1-2"], program: "usr/bin/wrk" },
];

export type DebianToolLocation =
  | {
      readonly kind: "found";
      /** Path of the program. */
      readonly path: string;
      /** Where the packages were unpacked, as if it were `/`. */
      readonly root: string;
      /** What the program needs in its environment to find its libraries. */
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly kind: "missing"; readonly reason: string };

const run = promisify(execFile);

/** Looks for an unpacked program. Fetches nothing. */
export function locateDebianTool(name: DebianToolName): DebianToolLocation {
  const { program } = debianTool(name);
  const root = rootOf(name);
  if (!existsSync(join(root, program))) return { kind: "missing", reason: `${name} is not unpacked` };
  return { kind: "found", path: join(root, program), root, env: libraryPath(root) };
}

/**
 * Downloads the packages of a program by apt, without becoming root, and unpacks them. The archive keeps only the
 * newest build of a release's version, so that is what is taken; it stays until the folder is removed.
 *
 * @throws Error where apt or dpkg is missing or fails
 */
export async function fetchDebianTool(
  name: DebianToolName,
  progress: (line: string) => void,
): Promise<Extract<DebianToolLocation, { kind: "found" }>> {
  const root = rootOf(name);
  await withFolderLock(root, async () => {
    if (locateDebianTool(name).kind === "found") return;
    const { packages } = debianTool(name);
    progress(`fetching the Debian packages ${packages.join(", ")}`);
    const unfinished = `${root}.${process.pid}`;
    try {
      await unpack(packages, unfinished);
      await rename(join(unfinished, "root"), root);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  const found = locateDebianTool(name);
  if (found.kind === "missing") throw new Error(`its packages hold no ${debianTool(name).program}`);
  return found;
}

async function unpack(packages: readonly string[], folder: string): Promise<void> {
  const downloads = join(folder, "downloads");
  for (const needed of ["lists/partial", "cache/archives/partial", "downloads", "root"]) {
    await mkdir(join(folder, needed), { recursive: true });
  }
  // Lists of its own: the system's may be absent or old, and only root may renew them.
  const own = [
    `Dir::State::lists=${join(folder, "lists")}`,
    `Dir::Cache=${join(folder, "cache")}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  await run("apt-get", ["-qq", ...own, "update"], { cwd: downloads });
  await run("apt-get", ["-qq", ...own, "download", ...packages], { cwd: downloads });
  for (const file of await readdir(downloads)) {
    await run("dpkg-deb", ["-x", join(downloads, file), join(folder, "root")]);
  }
}

/** Libraries lie in a folder named after the machine, such as `x86_64-linux-gnu`. */
function libraryPath(root: string): Readonly<Record<string, string>> {
  const libraries = join(root, "usr", "lib");
  const folders = existsSync(libraries)
    ? readdirSync(libraries).filter((entry) => entry.endsWith("-linux-gnu"))
    : [];
  return folders.length === 0
    ? {}
    : { LD_LIBRARY_PATH: folders.map((entry) => join(libraries, entry)).join(":") };
}

function debianTool(name: DebianToolName): DebianTool {
  const tool = debianTools.find((one) => one.name === name);
  if (tool === undefined) throw new Error(`the toolchain has no Debian tool "${name}"`);
  return tool;
}

function rootOf(name: DebianToolName): string {
  return join(toolchainFolder(), "debian", name);
}
