import type { Clock } from "./clock.ts";

/** An engine that works in steps: iterations of a generation engine, batches of a request/response engine. */
export interface SteppedWork {
  /** Begins the next step and gives its duration in ms, or nothing where there is no work. */
  begin(): number | undefined;
  /** Ends the step that began last: its results are out. */
  end(): void;
}

/**
 * How far a late loop may lie behind its schedule, in ms. Below it, lateness of timers is made good by the steps that
 * follow, so that the mean step time is exact. Beyond it (a suspended machine) the lost time is dropped: an engine does
 * not answer an hour's requests at once.
 */
const longestLagMs = 1_000;

/** Runs the steps of one engine one after the other at their modelled durations. */
export class StepLoop {
  readonly #work: SteppedWork;
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;

  constructor(work: SteppedWork, clock: Clock) {
    this.#work = work;
    this.#clock = clock;
  }

  /** Tells the loop that there is work; an idle engine begins now, with all that arrives at this moment. */
  wake(): void {
    if (this.#cancel !== undefined) return;
    const startMs = this.#clock.nowMs();
    this.#cancel = this.#clock.wakeAt(startMs, () => this.#begin(startMs));
  }

  /** Ends the loop in the middle of its step. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Begins the step that the schedule has at a time, which is now or was a little ago. */
  #begin(scheduledMs: number): void {
    const startMs = Math.max(scheduledMs, this.#clock.nowMs() - longestLagMs);
    const durationMs = this.#work.begin();
    if (durationMs === undefined) {
      this.#cancel = undefined;
      return;
    }
    const endMs = startMs + durationMs;
    this.#cancel = this.#clock.wakeAt(endMs, () => {
      // Still busy while results go out, so that a request they trigger does not begin a second step.
      const cancelled = this.#cancel;
      this.#work.end();
      if (this.#cancel === cancelled) this.#begin(endMs);
    });
  }
}
