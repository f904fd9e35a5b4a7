import fc from "fast-check";
import { expect, test } from "vitest";
import { certain } from "../../../../optimizer/certain.ts";
import { LevelChain } from "../../../../optimizer/models/dynamic-batching/level-chain.ts";

/** Shares of steps after very many of them, from any start. */
function afterManySteps(matrix: readonly (readonly number[])[]): readonly number[] {
  let shares = matrix.map(() => 1 / matrix.length);
  for (let step = 0; step < 3_000; step++) {
    // Half a step: a chain that goes back and forth between two halves settles too.
    const next = shares.map((share) => share / 2);
    for (const [from, row] of matrix.entries())
      for (const [to, probability] of row.entries())
        next[to] = certain(next[to]) + (certain(shares[from]) * probability) / 2;
    shares = next;
  }
  return shares;
}

test("any chain has the shares that it settles at", () => {
  const matrices = fc.integer({ min: 2, max: 7 }).chain((states) =>
    fc.array(
      fc
        .array(fc.double({ min: 0.05, max: 1, noNaN: true }), { minLength: states, maxLength: states })
        .map((row) => row.map((value) => value / row.reduce((sum, other) => sum + other, 0))),
      { minLength: states, maxLength: states },
    ),
  );
  fc.assert(
    fc.property(matrices, (matrix) => {
      const chain = new LevelChain(Int32Array.from(matrix, (_, state) => state + 1));
      for (const [from, row] of matrix.entries())
        for (const [to, probability] of row.entries()) chain.add(from + 1, to + 1, probability);
      const shares = chain.stationary();
      for (const [state, share] of afterManySteps(matrix).entries())
        expect(shares[state]).toBeCloseTo(share, 9);
    }),
    { numRuns: 50 },
  );
});

test("states that are left for ever have no share", () => {
  const chain = new LevelChain(Int32Array.of(1, 2, 3));
  chain.add(1, 2, 1);
  chain.add(2, 3, 1);
  chain.add(3, 2, 0.5);
  chain.add(3, 3, 0.5);
  const shares = chain.stationary();
  expect(shares[0]).toBe(0);
  expect(shares[1]).toBeCloseTo(1 / 3, 12);
});

test("a number between two levels counts as either in such parts that the mean stays", () => {
  const chain = new LevelChain(Int32Array.of(1, 2, 6));
  chain.add(1, 3, 1);
  chain.add(2, 1, 1);
  chain.add(6, 1, 1);
  const shares = chain.stationary();
  // From 1 to 3 at every second step: to 2 three times of four.
  expect(certain(shares[1]) * 2 + certain(shares[2]) * 6).toBeCloseTo(3 / 2, 12);
});
