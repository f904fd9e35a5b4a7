/** Time as an engine sees it. Tests put a virtual clock in its place, so that no assertion depends on the machine. */
export interface Clock {
  /** Monotonic time in ms from an arbitrary start. */
  nowMs(): number;
  /** Calls back once at or after the given time; the answer cancels the call. */
  wakeAt(timeMs: number, callback: () => void): () => void;
}

/** The machine's monotonic clock. */
export const realClock: Clock = {
  nowMs: () => performance.now(),
  wakeAt(timeMs, callback) {
    const delayMs = timeMs - performance.now();
    if (delayMs <= 0) {
      // A late step must not wait the 1 ms that the shortest timer takes, or it could never catch up.
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    // Timers have whole milliseconds: rounding up keeps a step from ending early.
    const timer = setTimeout(callback, Math.ceil(delayMs));
    return () => clearTimeout(timer);
  },
};
