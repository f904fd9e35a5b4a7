import { closeSync, openSync, readdirSync, readSync } from "node:fs";

/** A time, by `performance.now()`, in which the machine had something else run on a core that is measured on. */
export interface HeldOff {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What holds somebody off for longer counts, in ms: less than a target for latencies, more than a context switch. */
export const mostHeldOffMs = 1;

/** How often the kernel's figures are looked at, in ms: they say how long somebody waited, not when. */
const windowMs = 20;
const windowsBefore = 3;

/** Requests that were due so shortly before were still under way, and so shortly after stood behind those, in ms. */
const beforeMs = 5;
const afterMs = 20;

interface Thread {
  readonly file: number;
  ranMs: number;
  waitedMs: number;
  /** How much longer it waited than the others ran, in the last windows, the latest one first. */
  balancesMs: readonly number[];
}

/**
 * Watches whether processes that are alone on their core are kept from it. What the function that it gives returns are
 * the windows in which one of their threads could have run for a millisecond while neither it nor another one of theirs
 * did. How long they take themselves, to collect garbage say, is not among it.
 */
export function watchHeldOff(pids: readonly number[]): () => readonly HeldOff[] {
  const threads: readonly Thread[] = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((thread) => ({
      file: openSync(`/proc/${pid}/task/${thread}/schedstat`, "r"),
      ranMs: 0,
      waitedMs: 0,
      balancesMs: [],
    })),
  );
  const heldOff: HeldOff[] = [];
  let fromMs = performance.now();
  longestForeignMs(threads);
  const timer = setInterval(() => {
    const untilMs = performance.now();
    if (longestForeignMs(threads) > mostHeldOffMs) heldOff.push({ fromMs, untilMs });
    fromMs = untilMs;
  }, windowMs);
  return () => {
    clearInterval(timer);
    for (const { file } of threads) closeSync(file);
    return heldOff;
  };
}

/** Which of the requests that were due at these times met none of that: their places in the list. */
export function undisturbed(dueMs: readonly number[], heldOff: readonly HeldOff[]): readonly number[] {
  return [...dueMs.keys()].filter((index) => {
    const due = dueMs[index] ?? Number.NaN;
    return !heldOff.some(({ fromMs, untilMs }) => due > fromMs - beforeMs && due < untilMs + afterMs);
  });
}

/**
 * How long one of the threads has waited since the last call, less what the others ran meanwhile. The kernel counts a
 * wait at its end, and so what another one ran may stand in a window before: what is more there does not count.
 */
function longestForeignMs(threads: readonly Thread[]): number {
  const changes = threads.map(changeOf);
  const allRanMs = changes.reduce((total, { ranMs }) => total + ranMs, 0);
  return threads.reduce((longest, thread, index) => {
    const { ranMs = 0, waitedMs = 0 } = changes[index] ?? {};
    thread.balancesMs = [waitedMs - (allRanMs - ranMs), ...thread.balancesMs.slice(0, windowsBefore)];
    let sumMs = 0;
    const foreignMs = Math.min(...thread.balancesMs.map((balanceMs) => (sumMs += balanceMs)));
    return Math.max(longest, foreignMs);
  }, 0);
}

const text = Buffer.alloc(128);

function changeOf(thread: Thread): { readonly ranMs: number; readonly waitedMs: number } {
  const { ranMs, waitedMs } = thread;
  try {
    // In nanoseconds: the time on a core, and the time of waiting for one.
    const [ran = 0, waited = 0] = text
      .toString("latin1", 0, readSync(thread.file, text, 0, text.length, 0))
      .split(" ")
      .map(Number);
    thread.ranMs = ran / 1e6;
    thread.waitedMs = waited / 1e6;
  } catch {
    // The thread has ended.
  }
  return { ranMs: thread.ranMs - ranMs, waitedMs: thread.waitedMs - waitedMs };
}
