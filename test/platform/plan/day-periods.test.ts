import { describe, expect, test } from "vitest";
import { dayPeriods, hoursOf } from "../../../platform/plan/day-periods.ts";
import { parsed, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

const curve = (...factors: number[]) =>
  Array.from({ length: 24 }, (_, hour) => factors[Math.floor((hour * factors.length) / 24)]).join(", ");
const withDaily = (daily: string) =>
  smallSpecWith("load: { rate: 1/s }", `load: { rate: 1/s, daily: [${daily}] }`);

describe("the periods of a day", () => {
  test("are none where no load changes", () => {
    expect(dayPeriods(parsed(smallSpec))).toBeUndefined();
    expect(dayPeriods(parsed(withDaily(curve(0.5))))).toBeUndefined();
  });

  test("begin at midnight and wherever a load changes", () => {
    expect(dayPeriods(parsed(withDaily(curve(0.2, 1, 0.2))))).toEqual([0, 8, 16]);
  });

  test("begin where any of several loads changes", () => {
    const both = withDaily(curve(0.2, 1)).replace(
      "load: { rate: 60/min,",
      `load: { rate: 60/min, daily: [${curve(1, 1, 1, 2)}],`,
    );
    expect(dayPeriods(parsed(both))).toEqual([0, 12, 18]);
  });

  test("last until the next, the last one until midnight", () => {
    expect([0, 1, 2].map((position) => hoursOf([0, 7, 20], position))).toEqual([7, 13, 4]);
  });
});
