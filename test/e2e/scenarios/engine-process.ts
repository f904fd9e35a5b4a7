import { readdirSync, readFileSync } from "node:fs";

/** Ids of the engine's processes that this process started. */
export function engineProcesses(): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isEngine(pid));
}

function isEngine(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return stat.includes("(pulumi)") && Number(parent) === process.pid && state !== "Z";
  } catch {
    // It ended in between.
    return false;
  }
}
