import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CoveringMaster } from "../../../optimizer/packing/covering-master.ts";

const anyWork = Number.POSITIVE_INFINITY;

describe("the covering master", () => {
  it("mixes columns where that is cheapest, and prices the rows by it", () => {
    const master = new CoveringMaster(Float64Array.of(3, 2), 1000);
    master.addColumn(2, [0], [1]);
    master.addColumn(3, [1], [1]);
    master.addColumn(4, [0, 1], [1, 1]);
    master.solve(anyWork);
    // Two of both together and one more of the first: 2 · 4 + 2.
    expect(master.taken()).toEqual([
      { column: 0, amount: 1 },
      { column: 2, amount: 2 },
    ]);
    expect([...master.duals]).toEqual([2, 2]);
    expect(master.isShort()).toBe(false);
  });

  it("keeps limits, which are rows of negative amounts", () => {
    const master = new CoveringMaster(Float64Array.of(4, -3), 1000);
    master.addColumn(1, [0, 1], [1, -1]);
    master.addColumn(5, [0], [1]);
    master.solve(anyWork);
    expect(master.taken()).toEqual([
      { column: 0, amount: 3 },
      { column: 1, amount: 1 },
    ]);
    expect(master.duals[1]).toBeCloseTo(4, 9);
  });

  it("says where no columns give a row what it requires", () => {
    const master = new CoveringMaster(Float64Array.of(1, 1), 1000);
    master.addColumn(1, [0], [1]);
    master.solve(anyWork);
    expect(master.isShort()).toBe(true);
  });

  it("gives duals at which no column gains and whose worth is the cost of what is taken", () => {
    const column = fc.record({
      price: fc.integer({ min: 1, max: 50 }),
      entries: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(column, { minLength: 1, maxLength: 30 }),
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 5, maxLength: 5 }),
        (columns, required) => {
          const penalty = 1000;
          const master = new CoveringMaster(Float64Array.from(required), penalty);
          for (const { price, entries } of columns) master.addColumn(price, [0, 1, 2, 3, 4], entries);
          master.solve(anyWork);
          for (const dual of master.duals) {
            expect(dual).toBeGreaterThanOrEqual(-1e-6);
            expect(dual).toBeLessThanOrEqual(penalty + 1e-6);
          }
          for (const { price, entries } of columns) {
            const worth = entries.reduce((sum, entry, row) => sum + entry * (master.duals[row] ?? 0), 0);
            expect(worth).toBeLessThanOrEqual(price + 1e-6);
          }
          const given = required.map(() => 0);
          let cost = 0;
          for (const { column: at, amount } of master.taken()) {
            cost += amount * (columns[at]?.price ?? 0);
            for (const [row, entry] of (columns[at]?.entries ?? []).entries()) {
              given[row] = (given[row] ?? 0) + amount * entry;
            }
          }
          for (const [row, amount] of required.entries()) {
            cost += penalty * Math.max(0, amount - (given[row] ?? 0));
          }
          const worth = required.reduce((sum, amount, row) => sum + amount * (master.duals[row] ?? 0), 0);
          expect(cost).toBeCloseTo(worth, 4);
        },
      ),
      { numRuns: 300 },
    );
  });
});
