// Prints what the main commands cost, as medians over a few runs. Nothing is asserted: figures are read by people.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";

interface Cost {
  readonly wallMs: number;
  /** CPU time of the command and all it started; NaN where the system does not tell. */
  readonly cpuMs: number;
}

const runs = Number(process.env.BENCH_RUNS ?? 5);
const cli = "bin/domino-inference.js";
const commands: readonly (readonly [string, readonly string[], string])[] = [
  ["node, doing nothing", ["-e", "0"], "-"],
  ["plan --stack prod", [cli, "plan", "--stack", "prod"], "300 ms after Node's start"],
  ["preview --stack prod --offline", [cli, "preview", "--stack", "prod", "--offline"], "3 s"],
  ["start --once", [cli, "start", "--once"], "5 s"],
];

console.log(`medians of ${runs} runs, Node ${process.versions.node}`);
for (const [name, args, target] of commands) {
  const costs = Array.from({ length: runs }, () => costOf(args));
  const wall = median(costs.map((cost) => cost.wallMs));
  const cpu = median(costs.map((cost) => cost.cpuMs));
  console.log(`${name.padEnd(32)} ${format(wall)} ms wall ${format(cpu)} ms CPU   target: ${target}`);
}

function costOf(args: readonly string[]): Cost {
  const cpuBefore = childrenCpuMs();
  const startedMs = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [...args], { encoding: "utf8" });
  const wallMs = performance.now() - startedMs;
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return { wallMs, cpuMs: childrenCpuMs() - cpuBefore };
}

/** User and system time of ended children, in ticks of 10 ms (Linux). */
function childrenCpuMs(): number {
  try {
    const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[13]) + Number(fields[14])) * 10;
  } catch {
    return Number.NaN;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function format(value: number): string {
  return String(Math.round(value)).padStart(6);
}
