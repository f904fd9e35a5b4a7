import { execFile, execFileSync } from "node:child_process";
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ProcessOptions } from "../processes/supervised-process.ts";
import type { Need } from "../requires.ts";
import type { FollowedImage } from "./followed-dockerfile.ts";

const run = promisify(execFile);

/** Whether this machine lets a process have a root file system and process ids of its own. */
export function namespaces(): Need {
  const name = "namespaces";
  if (process.getuid?.() !== 0) return { name, missing: "only the superuser may make them; run as root" };
  try {
    execFileSync("unshare", ["--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"]);
    return { name };
  } catch {
    return { name, missing: "the machine refuses them; run where mounting is allowed" };
  }
}

/** Puts into a root file system what a base image of Node.js brings: the program, the libraries it names, and folders. */
export async function addNode(root: string): Promise<void> {
  const { stdout } = await run("ldd", [process.execPath]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? "");
  await copyTo(process.execPath, join(root, "nodejs/bin/node"));
  for (const library of libraries) await copyTo(library, join(root, library));
  for (const folder of ["proc", "dev", "tmp", "config"]) await mkdir(join(root, folder));
  await chmod(root, 0o755);
}

/**
 * How a container of the image is started, as the component's pods are: as its user, without capabilities and without a
 * way to more of them, process 1, the root file system read-only. The network is this machine's.
 */
export function containerOf(image: FollowedImage, args: readonly string[]): ProcessOptions {
  const { root, folder, env, user, entrypoint } = image;
  const [uid = "", gid = ""] = user.split(":");
  const script = [
    `mount --bind "$0" "$0"`,
    `mount -t proc proc "$0/proc"`,
    `mount -o remount,ro,bind "$0"`,
    `exec "$@"`,
  ];
  const variables = Object.entries({ ...env, HOME: "/" }).map(([name, value]) => `${name}=${value}`);
  return {
    command: "unshare",
    args: [
      ...["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script.join(" && "), root],
      ...["setpriv", "--no-new-privs", "--clear-groups", "--bounding-set=-all,+sys_chroot,+setuid,+setgid"],
      ...["env", "-i", ...variables, "unshare", `--root=${root}`, `--wd=${folder}`],
      ...[`--setgid=${gid}`, `--setuid=${uid}`, ...entrypoint, ...args],
    ],
    cwd: "/",
  };
}

async function copyTo(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
}
