import { expect, test } from "vitest";
import { StepLoop } from "../../../../services/emulator/engine/step-loop.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** A clock whose timers all come late. */
class LateClock extends VirtualClock {
  readonly #lateMs: number;

  constructor(lateMs: number) {
    super();
    this.#lateMs = lateMs;
  }

  override wakeAt(timeMs: number, callback: () => void): () => void {
    return super.wakeAt(Math.max(this.nowMs(), timeMs) + this.#lateMs, callback);
  }
}

function endTimes(clock: VirtualClock, steps: number, durationMs: number): number[] {
  const times: number[] = [];
  const loop = new StepLoop(
    { begin: () => (times.length < steps ? durationMs : undefined), end: () => times.push(clock.nowMs()) },
    clock,
  );
  loop.wake();
  while (clock.step());
  return times;
}

test("lateness of timers does not add up", () => {
  // Every step of 10 ms ends 2 ms late, measured from the schedule and not from the step before.
  expect(endTimes(new LateClock(2), 4, 10)).toEqual([12, 22, 32, 42]);
});

test("time lost beyond a second is dropped", () => {
  // The first step ends 4,990 ms behind its schedule at 10. The second is taken to begin 1,000 ms ago, at 4,000.
  const times = endTimes(new LateClock(4_990), 2, 10);
  expect(times).toEqual([5_000, 9_990]);
});

test("work that wakes the loop while a step ends begins one step only", () => {
  const clock = new VirtualClock();
  let begun = 0;
  const loop: StepLoop = new StepLoop(
    { begin: () => (begun++ < 2 ? 5 : undefined), end: () => loop.wake() },
    clock,
  );
  loop.wake();
  expect(clock.pending).toBe(1);
  clock.step();
  expect(clock.pending).toBe(1);
});

test("work that stops the loop while a step ends begins no further one", () => {
  const clock = new VirtualClock();
  const loop: StepLoop = new StepLoop({ begin: () => 5, end: () => loop.stop() }, clock);
  loop.wake();
  clock.step();
  expect(clock.pending).toBe(0);
});
