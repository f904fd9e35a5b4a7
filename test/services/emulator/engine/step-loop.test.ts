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

/** A clock that goes on while a machine sleeps, as its timers do not. */
class SuspendedClock extends VirtualClock {
  suspendedMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.suspendedMs;
  }

  override wakeAt(timeMs: number, callback: () => void): () => void {
    return super.wakeAt(timeMs - this.suspendedMs, callback);
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
  // The beginning is called at 4,990 instead of 0: the first step is taken to begin 1,000 ms ago. Its end is past, and
  // called 4,990 ms later again, at 9,980, and so is that of the second, taken to begin at 8,980.
  expect(endTimes(new LateClock(4_990), 2, 10)).toEqual([9_980, 14_970]);
});

test("steps that were missed while time was lost are not made up for", () => {
  const clock = new SuspendedClock();
  let ended = 0;
  const loop: StepLoop = new StepLoop({ begin: () => 10, end: () => ended++ }, clock);
  loop.wake();
  clock.step();
  // The machine sleeps for an hour in the middle of a step, and wakes when that ends.
  clock.suspendedMs = 3_600_000;
  clock.advanceTo(10);
  // The step that slept, and those of 10 ms in the 1,000 ms before it ended.
  expect(ended).toBe(101);
  loop.stop();
});

test("work that wakes the loop while a step ends begins one step only", () => {
  const clock = new VirtualClock();
  let begun = 0;
  const loop: StepLoop = new StepLoop(
    { begin: () => (begun++ < 2 ? 5 : undefined), end: () => loop.wake() },
    clock,
  );
  loop.wake();
  loop.wake();
  expect(clock.pending).toBe(1);
  clock.step();
  clock.step();
  expect(clock.pending).toBe(1);
});

test("an idle loop begins with all that came at the moment it was woken", () => {
  const clock = new VirtualClock();
  let waiting = 0;
  const begun: number[] = [];
  const loop: StepLoop = new StepLoop(
    { begin: () => (begun.push(waiting), (waiting = 0), begun.length < 2 ? 5 : undefined), end: () => {} },
    clock,
  );
  for (let arrival = 0; arrival < 3; arrival++) {
    waiting++;
    loop.wake();
  }
  while (clock.step());
  expect(begun).toEqual([3, 0]);
});

test("work that stops the loop while a step ends begins no further one", () => {
  const clock = new VirtualClock();
  const loop: StepLoop = new StepLoop({ begin: () => 5, end: () => loop.stop() }, clock);
  loop.wake();
  clock.step();
  clock.step();
  expect(clock.pending).toBe(0);
});

test("a loop that is stopped before it begins does not begin", () => {
  const clock = new VirtualClock();
  const loop: StepLoop = new StepLoop({ begin: () => 5, end: () => {} }, clock);
  loop.wake();
  loop.stop();
  expect(clock.pending).toBe(0);
});
