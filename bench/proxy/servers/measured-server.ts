import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import type { SupervisedProcess } from "../../../test/e2e/processes/supervised-process.ts";

/** A running server whose CPU time and memory are read from the system. */
export interface MeasuredServer {
  readonly name: string;
  /** Base URL without a trailing slash. */
  readonly url: string;
  /** Of all its processes. */
  readonly pids: readonly number[];
  /** User and system time in s of all its processes and threads. */
  cpuSeconds(): number;
  /** Resident memory of all its processes, in MiB. */
  residentMiB(): number;
  stop(): Promise<void>;
}

/** The server under test has the first core to itself; upstream, load and this program share the second. */
export const serverCore = 0;
export const loadCore = 1;

/** The niceness of all that is measured, and of the load: the same for each. */
const favored = -10;

/** Ticks of /proc are of 10 ms on every Linux that Node.js runs on. */
const secondsPerTick = 0.01;

/** Wraps a started server and puts it on the server's core. */
export function measured(name: string, server: SupervisedProcess & { readonly url: string }): MeasuredServer {
  const pids = server.members();
  for (const pid of pids) pin(pid, serverCore);
  return {
    name,
    url: server.url,
    pids,
    cpuSeconds: () => sum(pids.map(cpuSecondsOf)),
    residentMiB: () => sum(pids.map(residentMiBOf)),
    stop: () => server.stop(),
  };
}

/**
 * Puts all threads of a process on one core, and before what else the machine does where that is allowed: daemons take a
 * core for milliseconds, which is what the slowest of a hundred requests would show. What it starts later inherits both.
 */
export function pin(pid: number, core: number): void {
  execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", String(core), String(pid)], {
    stdio: "ignore",
  });
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), favored);
  } catch {
    // Only the superuser may.
  }
}

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // After the command in parentheses, which may hold anything: state is field 3, utime 14, stime 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * secondsPerTick;
}

function residentMiBOf(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
  return Number(kib) / 1024;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
