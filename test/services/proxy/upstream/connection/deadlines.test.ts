import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  Deadlines,
  unwatched,
  type Expiring,
} from "../../../../../services/proxy/upstream/connection/deadlines.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Notes its name when it expires, and may do more. */
function expiring(name: string, afterMs: number, ended: string[], more = (): void => {}): Expiring {
  return {
    expiresAtMs: performance.now() + afterMs,
    watchPlace: unwatched,
    expire: () => {
      ended.push(name);
      more();
    },
  };
}

describe("deadlines", () => {
  test("expire what is due, once, and leave the rest", () => {
    const deadlines = new Deadlines();
    const ended: string[] = [];
    for (const [name, afterMs] of [
      ["a", 15],
      ["b", 1000],
      ["c", 15],
    ] as const)
      deadlines.add(expiring(name, afterMs, ended));
    vi.advanceTimersByTime(100);
    expect([...ended].sort()).toEqual(["a", "c"]);
    vi.advanceTimersByTime(2000);
    expect([...ended].sort()).toEqual(["a", "b", "c"]);
  });

  test("follow a deadline that moves", () => {
    const deadlines = new Deadlines();
    const ended: string[] = [];
    const moving = expiring("moving", 20, ended);
    deadlines.add(moving);
    for (let step = 0; step < 10; step++) {
      vi.advanceTimersByTime(10);
      moving.expiresAtMs = performance.now() + 20;
    }
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(40);
    expect(ended).toEqual(["moving"]);
  });

  test("keep no timer where nothing is watched, and start one again", () => {
    const deadlines = new Deadlines();
    const ended: string[] = [];
    const first = expiring("first", 1000, ended);
    deadlines.add(first);
    deadlines.delete(first);
    vi.advanceTimersByTime(20);
    expect(vi.getTimerCount()).toBe(0);
    deadlines.add(expiring("second", 15, ended));
    vi.advanceTimersByTime(30);
    expect(ended).toEqual(["second"]);
  });

  test("take what is deleted twice, or was never added", () => {
    const deadlines = new Deadlines();
    const ended: string[] = [];
    const [kept, gone, stranger] = ["kept", "gone", "stranger"].map((name) => expiring(name, 15, ended));
    if (!kept || !gone || !stranger) throw new Error("three were made");
    deadlines.add(gone);
    deadlines.add(kept);
    deadlines.delete(gone);
    deadlines.delete(gone);
    deadlines.delete(stranger);
    vi.advanceTimersByTime(30);
    expect(ended).toEqual(["kept"]);
  });

  test("hold whatever is added and deleted while others expire", () => {
    const stepOf = fc.record({
      afterMs: fc.integer({ min: 0, max: 60 }),
      /** Which others go when this one expires. */
      deletes: fc.array(fc.nat(30), { maxLength: 3 }),
      adds: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(stepOf, { minLength: 1, maxLength: 30 }), (steps) => {
        const deadlines = new Deadlines();
        const ended: string[] = [];
        const deleted = new Set<string>();
        const all: Expiring[] = [];
        for (const [index, { afterMs, deletes, adds }] of steps.entries()) {
          all.push(
            expiring(String(index), afterMs, ended, () => {
              for (const other of deletes) {
                const one = all[other];
                if (!one) continue;
                if (one.watchPlace !== unwatched) deleted.add(String(other));
                deadlines.delete(one);
              }
              if (adds) deadlines.add(expiring(`${index}+`, 5, ended));
            }),
          );
        }
        for (const one of all) deadlines.add(one);
        vi.advanceTimersByTime(200);
        const expected = steps.flatMap(({ adds }, index) =>
          deleted.has(String(index)) ? [] : [String(index), ...(adds ? [`${index}+`] : [])],
        );
        expect([...ended].sort()).toEqual(expected.sort());
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });
});
