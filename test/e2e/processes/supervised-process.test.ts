import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startProcess, type ProcessOptions, type SupervisedProcess } from "./supervised-process.ts";

const modulePath = new URL("./supervised-process.ts", import.meta.url).href;

async function start(script: string, options: Partial<ProcessOptions> = {}): Promise<SupervisedProcess> {
  const started = await startProcess({ command: "bash", args: ["-c", script], ...options });
  onTestFinished(() => started.stop());
  return started;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** A zombie that its new parent has not reaped yet is dead. */
function alive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

test("a process that ends by itself tells its code and the end of what it wrote", async () => {
  const ended = await start("echo on the way; echo at the end >&2; exit 7");
  expect(await ended.exited).toEqual({ code: 7, signal: null });
  expect(ended.logTail()).toBe("on the way\nat the end\n");
  expect(ended.running()).toBe(false);
});

test("a stop ends the process and its children, in sessions of their own too", async () => {
  const parent = await start("sleep 1000 & setsid sleep 1001 & wait");
  await until(() => parent.members().length === 3);
  const members = parent.members();
  await parent.stop();
  expect(members.filter(alive)).toEqual([]);
  expect(parent.members()).toEqual([]);
  await parent.stop();
});

test("a stop may come while the process ends by itself, and again", async () => {
  for (let round = 0; round < 10; round++) {
    const ended = await start("exit 0");
    await Promise.all([ended.stop(), ended.stop(), ended.exited.then(() => ended.stop())]);
    expect(ended.running()).toBe(false);
  }
});

test("children that are left behind by a process are ended with it", async () => {
  const parent = await start("setsid sleep 1000 & sleep 0.1");
  await until(() => parent.members().length >= 2);
  const members = parent.members();
  await parent.exited;
  expect(members.filter(alive)).toEqual([]);
});

test("who ignores SIGTERM is ended by SIGKILL after the grace period", async () => {
  const stubborn = await start("trap '' TERM; echo armed; while true; do sleep 0.05; done", {
    graceMillis: 200,
  });
  await until(() => stubborn.logTail().includes("armed"));
  await stubborn.stop();
  expect(await stubborn.exited).toEqual({ code: null, signal: "SIGKILL" });
});

test("a command that does not exist is an error that names it", async () => {
  await expect(startProcess({ command: "no-such-command" })).rejects.toThrow(
    /no-such-command cannot be started.*ENOENT/,
  );
});

test("the log goes to the file that was asked for, and stays", async () => {
  const folder = await mkdtemp(join(tmpdir(), "supervised-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const logFile = join(folder, "server.log");
  await (
    await start('echo "$GREETING from $PWD"', { logFile, cwd: folder, env: { GREETING: "hello" } })
  ).exited;
  expect(await readFile(logFile, "utf8")).toBe(`hello from ${folder}\n`);
});

test("the folder of a process goes with it, also where it cannot be started", async () => {
  for (const command of ["true", "no-such-command"]) {
    const folder = await mkdtemp(join(tmpdir(), "supervised-test-"));
    await startProcess({ command, folder }).then(
      ({ exited }) => exited,
      () => undefined,
    );
    expect(existsSync(folder)).toBe(false);
  }
});

test("everything ends when the process that started it is killed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "supervised-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const script = join(folder, "caller.ts");
  await writeFile(
    script,
    `import { startProcess } from ${JSON.stringify(modulePath)};
     const parent = await startProcess({ command: "bash", args: ["-c", "setsid sleep 1000 & sleep 1001 & wait"] });
     while (parent.members().length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
     process.stdout.write(parent.members().join(" ") + "\\n");`,
  );
  const caller = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const output = await new Promise<string>((resolve) =>
    caller.stdout.once("data", (data) => resolve(String(data))),
  );
  const members = output.trim().split(" ").map(Number);
  expect(members.filter(alive)).toEqual(members);
  caller.kill("SIGKILL");
  await until(() => !members.some(alive));
  expect(members.filter(alive)).toEqual([]);
});
