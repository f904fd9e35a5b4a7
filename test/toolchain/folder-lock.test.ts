import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withFolderLock } from "./folder-lock.ts";

let parent: string;
let folder: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "lock-"));
  folder = join(parent, "built");
});

afterEach(async () => {
  await rm(parent, { recursive: true });
});

test("of several callers one works at a time", async () => {
  let working = 0;
  const most: number[] = [];
  const work = async (): Promise<void> => {
    most.push(++working);
    await setTimeout(20);
    working--;
  };
  await Promise.all([1, 2, 3].map(() => withFolderLock(folder, work)));
  expect(most).toEqual([1, 1, 1]);
  expect(existsSync(`${folder}.lock`)).toBe(false);
});

test("a failure frees the folder", async () => {
  await expect(withFolderLock(folder, () => Promise.reject(new Error("no space")))).rejects.toThrow(
    "no space",
  );
  expect(await withFolderLock(folder, async () => "built")).toBe("built");
});

test("who waits is told for whom", async () => {
  const waited: number[] = [];
  let release: () => void = () => undefined;
  const first = withFolderLock(folder, () => new Promise<void>((resolve) => (release = resolve)));
  await setTimeout(50);
  const second = withFolderLock(
    folder,
    async () => undefined,
    (holder) => {
      waited.push(holder);
      release();
    },
  );
  await Promise.all([first, second]);
  expect(waited).toEqual([process.pid]);
});

test("the lock of a process that is gone is taken over", async () => {
  const gone = spawn("true");
  const { pid } = gone;
  await once(gone, "exit");
  await mkdir(`${folder}.lock`);
  await writeFile(join(`${folder}.lock`, "pid"), String(pid));
  expect(await withFolderLock(folder, async () => "built")).toBe("built");
});
