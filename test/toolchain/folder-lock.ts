import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

const pollMillis = 500;

/**
 * Runs work that only one process at a time may do on a folder. A second caller waits; the lock of a process that is
 * gone is taken over.
 */
export async function withFolderLock<T>(
  folder: string,
  work: () => Promise<T>,
  onWait: (holder: number) => void = () => undefined,
): Promise<T> {
  const lock = `${folder}.lock`;
  await mkdir(dirname(folder), { recursive: true });
  let waits = false;
  while (!(await acquired(lock))) {
    const holder = await holderOf(lock);
    if (holder !== undefined && !isAlive(holder)) {
      await discard(lock);
      continue;
    }
    if (!waits && holder !== undefined) {
      waits = true;
      onWait(holder);
    }
    await setTimeout(pollMillis);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

/** The lock is a folder that appears with the holder's process id in it: a rename onto a filled folder fails. */
async function acquired(lock: string): Promise<boolean> {
  const mine = `${lock}.${randomUUID()}`;
  await mkdir(mine, { recursive: true });
  await writeFile(join(mine, "pid"), String(process.pid));
  try {
    await rename(mine, lock);
    return true;
  } catch (error) {
    await rm(mine, { recursive: true, force: true });
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
}

async function holderOf(lock: string): Promise<number | undefined> {
  const pid = Number(await readFile(join(lock, "pid"), "utf8").catch(() => ""));
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/** Moved away before it is removed, and looked at there: meanwhile another may have taken it over. */
async function discard(lock: string): Promise<void> {
  const moved = `${lock}.${randomUUID()}`;
  if (
    !(await rename(lock, moved).then(
      () => true,
      () => false,
    ))
  )
    return;
  const holder = await holderOf(moved);
  if (holder !== undefined && isAlive(holder)) await rename(moved, lock).catch(() => undefined);
  await rm(moved, { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
