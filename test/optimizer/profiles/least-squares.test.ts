import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { leastSquares } from "../../../optimizer/profiles/least-squares.ts";
import { errorAt, fitLine, halfWidth, valueAt } from "../../../optimizer/profiles/line-fit.ts";

const number = fc.double({ min: -100, max: 100, noNaN: true });
/** Rows of an offset and two independent columns. */
const rowsArb = fc
  .array(fc.tuple(number, number), { minLength: 4, maxLength: 20 })
  .map((pairs) => [[1, 0, 0], [1, 1, 0], [1, 0, 1], ...pairs.map(([a, b]) => [1, a, b])]);

describe("least squares", () => {
  it("recover the coefficients of points on a plane", () => {
    fc.assert(
      fc.property(rowsArb, fc.tuple(number, number, number), (rows, truth) => {
        const targets = rows.map((row) =>
          row.reduce((sum, value, index) => sum + value * (truth[index] ?? 0), 0),
        );
        const found = leastSquares(rows, targets) ?? [];
        for (const [index, value] of truth.entries()) expect(found[index]).toBeCloseTo(value, 6);
      }),
    );
  });

  it("leave residuals that no column explains", () => {
    fc.assert(
      fc.property(rowsArb, fc.array(number, { minLength: 23, maxLength: 23 }), (rows, values) => {
        const targets = values.slice(0, rows.length);
        const found = leastSquares(rows, targets) ?? [];
        const residuals = rows.map(
          (row, index) =>
            row.reduce((sum, value, column) => sum + value * (found[column] ?? 0), 0) - (targets[index] ?? 0),
        );
        for (const column of [0, 1, 2]) {
          expect(
            rows.reduce((sum, row, index) => sum + (row[column] ?? 0) * (residuals[index] ?? 0), 0),
          ).toBeCloseTo(0, 5);
        }
      }),
    );
  });

  it("give nothing where columns depend on each other, or where there are no rows", () => {
    expect(
      leastSquares(
        [
          [1, 2],
          [2, 4],
          [3, 6],
        ],
        [1, 2, 3],
      ),
    ).toBeUndefined();
    expect(
      leastSquares(
        [
          [0, 1],
          [0, 2],
        ],
        [1, 2],
      ),
    ).toBeUndefined();
    expect(leastSquares([], [])).toEqual([]);
  });
});

describe("a fitted line", () => {
  it("is the one of general least squares with the same weights", () => {
    const points = fc.array(
      fc.record({ x: fc.integer({ min: 1, max: 200 }), y: fc.double({ min: 1, max: 100, noNaN: true }) }),
      { minLength: 1, maxLength: 15 },
    );
    fc.assert(
      fc.property(points, (some) => {
        const all = [{ x: 1, y: 10 }, { x: 100, y: 20 }, ...some];
        const line = fitLine(all);
        const general = leastSquares(
          all.map(({ x, y }) => [1 / y, x / y]),
          all.map(() => 1),
        );
        expect(line.intercept).toBeCloseTo(general?.[0] ?? Number.NaN, 6);
        expect(line.slope).toBeCloseTo(general?.[1] ?? Number.NaN, 6);
      }),
    );
  });

  it("states the standard errors of a textbook regression", () => {
    // All weights are equal, so that the formulas are those of any textbook: y = 10 +- 0.1 around a flat line.
    const points = [1, 2, 3, 4, 5].map((x, index) => ({
      x,
      y: 10 + 0.1 * ([1, -1, 0, 1, -1][index] ?? 0),
      measured: 10,
    }));
    const line = fitLine(points);
    // Slope: sum of (x-3)(y-10) over sum of (x-3)^2 = (-0.2 + 0.1 + 0 + 0.1 - 0.2) / 10.
    expect(line.slope).toBeCloseTo(-0.02, 12);
    expect(line.intercept).toBeCloseTo(10.06, 12);
    const squares = points.reduce((sum, { x, y }) => sum + (valueAt(line, x) - y) ** 2, 0);
    expect(line.slopeError).toBeCloseTo(Math.sqrt(squares / 3 / 10), 12);
    expect(line.interceptError).toBeCloseTo(Math.sqrt((squares / 3) * (1 / 5 + 9 / 10)), 12);
    expect(errorAt(line, 3)).toBeCloseTo(Math.sqrt(squares / 3 / 5), 12);
    expect(halfWidth(line, line.slopeError)).toBeCloseTo(3.182 * line.slopeError, 12);
    expect(line.relativeDeviation).toBeCloseTo(Math.sqrt(squares / 3) / 10, 12);
  });

  it.each([
    ["no points", []],
    [
      "one x only",
      [
        { x: 1, y: 1 },
        { x: 1, y: 2 },
      ],
    ],
    [
      "a time of 0",
      [
        { x: 1, y: 0 },
        { x: 2, y: 2 },
      ],
    ],
    [
      "a time that is none",
      [
        { x: 1, y: Number.NaN },
        { x: 2, y: 2 },
      ],
    ],
  ])("is a mistake of the caller with %s", (_what, points) => {
    expect(() => fitLine(points)).toThrow(RangeError);
  });
});
