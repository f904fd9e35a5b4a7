import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CircuitBreaker } from "../../../../../services/proxy/upstream/health/circuit-breaker.ts";

function fail(breaker: CircuitBreaker, nowMs: number, times = 5): void {
  for (let count = 0; count < times; count++) breaker.failed(nowMs);
}

function group(size: number): CircuitBreaker[] {
  const breakers = Array.from({ length: size }, () => new CircuitBreaker());
  for (const breaker of breakers) breaker.setPeers(breakers);
  return breakers;
}

/** Half of the requests fail, never two in a row. */
function failHalf(breaker: CircuitBreaker, nowMs: number, requests = 40): void {
  for (let count = 0; count < requests / 2; count++) {
    breaker.succeeded(nowMs);
    breaker.failed(nowMs);
  }
}

/** How long the breaker keeps requests away from now on, in whole seconds. */
function ejectedSeconds(breaker: CircuitBreaker, nowMs: number): number {
  let seconds = 0;
  while (!breaker.usable(nowMs + seconds * 1_000)) seconds++;
  return seconds;
}

describe("an endpoint that fails in a row", () => {
  it("is left alone for a second after the fifth failure", () => {
    const breaker = new CircuitBreaker();
    fail(breaker, 0, 4);
    expect(breaker.usable(0)).toBe(true);
    breaker.failed(0);
    expect(breaker.usable(0)).toBe(false);
    expect(breaker.tryProbe(999)).toBe(false);
    expect(breaker.usable(999)).toBe(false);
    expect(breaker.usable(1_000)).toBe(true);
  });

  it("stays where a success came in between", () => {
    const breaker = new CircuitBreaker();
    for (let count = 0; count < 3; count++) {
      fail(breaker, 0, 4);
      breaker.succeeded(0);
    }
    expect(breaker.usable(0)).toBe(true);
  });

  it("then gets one probe, whose success brings it back", () => {
    const breaker = new CircuitBreaker();
    fail(breaker, 0);
    expect(breaker.tryProbe(1_000)).toBe(true);
    expect([breaker.usable(1_000), breaker.tryProbe(1_000)]).toEqual([false, false]);
    breaker.succeeded(1_100);
    for (let count = 0; count < 3; count++) expect(breaker.tryProbe(1_100)).toBe(true);
    fail(breaker, 1_100, 4);
    expect(breaker.usable(1_100)).toBe(true);
  });

  it("is left alone for twice as long after each failed probe, for 30 s at most", () => {
    const breaker = new CircuitBreaker();
    let nowMs = 100_000;
    fail(breaker, nowMs);
    const seconds: number[] = [];
    for (let count = 0; count < 7; count++) {
      const ejected = ejectedSeconds(breaker, nowMs);
      seconds.push(ejected);
      nowMs += ejected * 1_000;
      expect(breaker.tryProbe(nowMs)).toBe(true);
      breaker.failed(nowMs);
    }
    expect(seconds).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });

  it("gets another probe where nothing has been heard of the first one for 10 s", () => {
    const breaker = new CircuitBreaker();
    fail(breaker, 0);
    expect(breaker.tryProbe(1_000)).toBe(true);
    expect(breaker.tryProbe(10_999)).toBe(false);
    expect(breaker.tryProbe(11_000)).toBe(true);
    expect(breaker.tryProbe(11_000)).toBe(false);
  });

  it("is not judged again by requests that were there before", () => {
    const breaker = new CircuitBreaker();
    fail(breaker, 0, 500);
    breaker.succeeded(500);
    expect(ejectedSeconds(breaker, 0)).toBe(1);
  });

  it.each([
    [59_999, 2],
    [60_000, 1],
  ])("is a first offender again after a minute of work (%d ms: %d s)", (workedMs, seconds) => {
    const breaker = new CircuitBreaker();
    fail(breaker, 0);
    breaker.tryProbe(1_000);
    breaker.succeeded(1_000);
    fail(breaker, 1_000 + workedMs);
    expect(ejectedSeconds(breaker, 1_000 + workedMs)).toBe(seconds);
  });

  it("is no first offender because it has been away for long", () => {
    const breaker = new CircuitBreaker();
    fail(breaker, 0);
    breaker.failed(500_000);
    expect(ejectedSeconds(breaker, 500_000)).toBe(2);
  });

  it("may be the last one", () => {
    const breakers = group(3);
    for (const breaker of breakers) fail(breaker, 0);
    expect(breakers.map((breaker) => breaker.usable(0))).toEqual([false, false, false]);
  });
});

describe("an endpoint that fails often", () => {
  it("is ejected at half of its requests, from 20 on", () => {
    const [breaker = new CircuitBreaker()] = group(2);
    failHalf(breaker, 0, 18);
    breaker.succeeded(0);
    expect(breaker.usable(0)).toBe(true);
    breaker.failed(0);
    expect(breaker.usable(0)).toBe(false);
  });

  it("stays where less than half fail", () => {
    const [breaker = new CircuitBreaker()] = group(2);
    for (let count = 0; count < 1_000; count++) {
      breaker.succeeded(count);
      breaker.succeeded(count);
      if (count > 20) breaker.failed(count);
    }
    expect(breaker.usable(1_000)).toBe(true);
  });

  it.each([
    [4_900, false],
    [9_900, false],
    [10_100, true],
    [60_000, true],
  ])("is not judged by what is older than two windows (%d ms)", (laterMs, usable) => {
    const [breaker = new CircuitBreaker()] = group(2);
    failHalf(breaker, 0, 18);
    // The second window begins with the first result after 5 s.
    for (const ms of [5_000, 10_000]) if (ms < laterMs) breaker.succeeded(ms);
    for (let count = 0; count < 4; count++) breaker.failed(laterMs);
    expect(breaker.usable(laterMs)).toBe(usable);
  });

  it("is not judged by what was before a silence", () => {
    const [breaker = new CircuitBreaker()] = group(2);
    failHalf(breaker, 0, 18);
    breaker.succeeded(10_000);
    for (let count = 0; count < 4; count++) breaker.failed(10_000);
    expect(breaker.usable(10_000)).toBe(true);
  });

  it("begins anew when it is back", () => {
    const [breaker = new CircuitBreaker()] = group(2);
    failHalf(breaker, 0, 18);
    failHalf(breaker, 5_000, 2);
    expect(breaker.usable(5_000)).toBe(false);
    breaker.succeeded(6_000);
    for (let count = 0; count < 8; count++) {
      for (let good = 0; good < 3; good++) breaker.succeeded(6_000);
      breaker.failed(6_000);
    }
    expect(breaker.usable(6_000)).toBe(true);
  });

  it("is not ejected alone", () => {
    const [breaker = new CircuitBreaker()] = group(1);
    failHalf(breaker, 0, 1_000);
    expect(breaker.usable(0)).toBe(true);
    const unknown = new CircuitBreaker();
    failHalf(unknown, 0, 1_000);
    expect(unknown.usable(0)).toBe(true);
  });

  it.each([
    [2, 1],
    [3, 1],
    [4, 2],
    [7, 3],
  ])("is ejected with at most half of its peers (of %d: %d)", (size, ejected) => {
    const breakers = group(size);
    for (let round = 0; round < 3; round++) for (const breaker of breakers) failHalf(breaker, 0);
    expect(breakers.filter((breaker) => !breaker.usable(0))).toHaveLength(ejected);
  });

  it("stays where others are away already, for whatever reason", () => {
    const breakers = group(4);
    for (const breaker of breakers.slice(0, 2)) fail(breaker, 0);
    for (const breaker of breakers.slice(2)) failHalf(breaker, 0);
    expect(breakers.map((breaker) => breaker.usable(0))).toEqual([false, false, true, true]);
  });

  it("leaves half of its peers in every history", () => {
    const step = fc.tuple(fc.nat(4), fc.boolean(), fc.integer({ min: 0, max: 400 }));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 1_000, size: "max" }),
        (size, steps) => {
          const breakers = group(size);
          const inARow = breakers.map(() => 0);
          let nowMs = 0;
          for (const [number, fails, gapMs] of steps) {
            nowMs += gapMs;
            const at = number % size;
            const breaker = breakers[at];
            if (!breaker?.tryProbe(nowMs)) continue;
            // Five failures in a row are another matter.
            const failing = fails && (inARow[at] ?? 0) < 4;
            inARow[at] = failing ? (inARow[at] ?? 0) + 1 : 0;
            if (failing) breaker.failed(nowMs);
            else breaker.succeeded(nowMs);
            const away = breakers.filter((one) => !one.usable(nowMs)).length;
            if (2 * away > size) expect.unreachable(`${away} of ${size} are away`);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("a breaker in any history", () => {
  it("lets one request through at most between the ends of an ejection and of its probe", () => {
    const step = fc.tuple(fc.constantFrom("send", "succeed", "fail"), fc.integer({ min: 0, max: 3_000 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
        const breaker = new CircuitBreaker();
        let nowMs = 0;
        let inARow = 0;
        /** Undefined while closed. */
        let open: { untilMs: number; sentAtMs: number | undefined } | undefined;
        let ejectionMs = 1_000;
        let closedAtMs = 0;
        for (const [action, gapMs] of steps) {
          nowMs += gapMs;
          if (action === "send") {
            const expected =
              !open ||
              (nowMs >= open.untilMs && (open.sentAtMs === undefined || nowMs >= open.sentAtMs + 10_000));
            expect(breaker.usable(nowMs)).toBe(expected);
            expect(breaker.tryProbe(nowMs)).toBe(expected);
            if (open && expected) open.sentAtMs = nowMs;
            continue;
          }
          const fails = action === "fail";
          if (fails) breaker.failed(nowMs);
          else breaker.succeeded(nowMs);
          inARow = fails && !open ? inARow + 1 : 0;
          if (open ? fails && nowMs >= open.untilMs : inARow === 5) {
            if (!open && nowMs - closedAtMs >= 60_000) ejectionMs = 1_000;
            open = { untilMs: nowMs + ejectionMs, sentAtMs: undefined };
            ejectionMs = Math.min(ejectionMs * 2, 30_000);
          } else if (open && !fails && nowMs >= open.untilMs) {
            open = undefined;
            closedAtMs = nowMs;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
