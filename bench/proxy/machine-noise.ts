import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** CPU time in ticks, of the whole machine and of this program with all that it started and that has ended. */
interface Usage {
  readonly busy: number;
  readonly own: number;
  readonly atMs: number;
}

const ticksPerMs = 0.1;

/**
 * Starts to watch what else runs on the machine. The function that it gives says which share of the machine's CPU
 * others have used since then; all that was started meanwhile must have ended.
 */
export function watchOthers(): () => number {
  const before = usage();
  return () => {
    const after = usage();
    const ticks = (after.atMs - before.atMs) * ticksPerMs * availableCores;
    return Math.max(0, (after.busy - before.busy - (after.own - before.own)) / ticks);
  };
}

// Before this program pins itself to one of them.
const availableCores = availableParallelism();

function usage(): Usage {
  const [, ...times] = (readFileSync("/proc/stat", "latin1").split("\n", 1)[0] ?? "")
    .split(/\s+/)
    .map(Number);
  const [user = 0, nice = 0, system = 0, , , interrupt = 0, softInterrupt = 0, steal = 0] = times;
  const stat = readFileSync("/proc/self/stat", "latin1");
  // From utime, field 14, to cstime, field 17: its own and that of children that have been waited for, and theirs.
  const own = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15)
    .map(Number);
  return {
    busy: user + nice + system + interrupt + softInterrupt + steal,
    own: own.reduce((total, ticks) => total + ticks, 0),
    atMs: performance.now(),
  };
}
