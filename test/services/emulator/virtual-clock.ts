import type { Clock } from "../../../services/emulator/engine/clock.ts";

/** A clock that moves only when a test says so. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #calls = new Set<{ timeMs: number; order: number; callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  wakeAt(timeMs: number, callback: () => void): () => void {
    const call = { timeMs, order: this.#order++, callback };
    this.#calls.add(call);
    return () => this.#calls.delete(call);
  }

  get pending(): number {
    return this.#calls.size;
  }

  /** Moves to the next call and makes it; false where there is none. */
  step(): boolean {
    const [next] = [...this.#calls].toSorted((a, b) => a.timeMs - b.timeMs || a.order - b.order);
    if (next === undefined) return false;
    this.#calls.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.timeMs);
    next.callback();
    return true;
  }

  /** Makes all calls up to a time and stands there. */
  advanceTo(timeMs: number): void {
    for (;;) {
      const due = [...this.#calls].some((call) => call.timeMs <= timeMs);
      if (!due) break;
      this.step();
    }
    this.#nowMs = Math.max(this.#nowMs, timeMs);
  }
}
