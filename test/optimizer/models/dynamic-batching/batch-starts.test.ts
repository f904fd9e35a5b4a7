import { expect, test } from "vitest";
import { certain } from "../../../../optimizer/certain.ts";
import {
  serviceMs,
  solveBatchStarts,
  type BatchService,
} from "../../../../optimizer/models/dynamic-batching/batch-starts.ts";

/** The chain without a queue delay as its definition reads, far beyond any number that occurs, step by step. */
function plainShares(service: BatchService): readonly number[] {
  const states = 80;
  const { arrivalsPerMs, maxBatchSize } = service;
  const poisson = (mean: number): readonly number[] => {
    const terms = [Math.exp(-mean)];
    for (let n = 1; n < states; n++) terms.push((certain(terms[n - 1]) * mean) / n);
    return terms;
  };
  const steps = Array.from({ length: states }, (_, waiting) => {
    const left = Math.max(0, waiting - maxBatchSize);
    const row = new Float64Array(states);
    for (const [count, probability] of poisson(
      arrivalsPerMs * serviceMs(service, Math.min(waiting, maxBatchSize)),
    ).entries()) {
      // Where nobody is left and nobody comes, the next request is a batch of its own.
      const next = Math.min(states - 1, Math.max(1, left + count));
      row[next] = certain(row[next]) + probability;
    }
    return row;
  });
  let shares = new Float64Array(states);
  shares[1] = 1;
  for (let step = 0; step < 500; step++) {
    const next = new Float64Array(states);
    for (const [from, row] of steps.entries())
      for (let to = 1; to < states; to++)
        next[to] = certain(next[to]) + certain(shares[from]) * certain(row[to]);
    shares = next;
  }
  return [...shares];
}

test.each([
  { arrivalsPerMs: 0.5, baseMs: 2, perRequestMs: 0.5, maxBatchSize: 6, maxQueueDelayMs: 0 },
  { arrivalsPerMs: 0.9, baseMs: 0.2, perRequestMs: 0.6, maxBatchSize: 3, maxQueueDelayMs: 0 },
  { arrivalsPerMs: 0.7, baseMs: 1, perRequestMs: 0, maxBatchSize: 1, maxQueueDelayMs: 0 },
])("%j: starts are as frequent as in the chain written down plainly", (service) => {
  const { levels, shares, tailRatio } = solveBatchStarts(service);
  const plain = plainShares(service);
  for (const [state, level] of levels.entries()) {
    const expected =
      state === levels.length - 1 ? plain.slice(level).reduce((sum, share) => sum + share, 0) : plain[level];
    expect(shares[state]).toBeCloseTo(certain(expected), 9);
  }
  // Far up, every number is as much rarer than the one before.
  const last = certain(levels.at(-1));
  if (certain(plain[last + 1]) > 1e-12)
    expect(tailRatio).toBeCloseTo(certain(plain[last + 1]) / certain(plain[last]), 4);
});

test("as many requests leave in batches as come", () => {
  // The delay is longer than any batch: each starts full, or d after its first request.
  const service = { arrivalsPerMs: 0.5, baseMs: 1, perRequestMs: 0, maxBatchSize: 4, maxQueueDelayMs: 3 };
  const { levels, shares } = solveBatchStarts(service);
  const mean = levels.reduce((sum, level, state) => sum + Math.min(level, 4) * certain(shares[state]), 0);
  // A cycle is the time to a first request and then the least of 3 ms and that of three more: each more comes in time
  // with the probability of so many in 3 ms.
  const tails = [0, 1, 2].map(
    (n) => 1 - [1, 1.5, 1.125].slice(0, n + 1).reduce((sum, term) => sum + term, 0) * Math.exp(-1.5),
  );
  expect(mean).toBeCloseTo(1 + tails.reduce((sum, tail) => sum + tail, 0), 2);
});

test("batches of hundreds need hardly more levels than those of dozens", () => {
  const service = {
    arrivalsPerMs: 150,
    baseMs: 5,
    perRequestMs: 0.001,
    maxBatchSize: 1024,
    maxQueueDelayMs: 0,
  };
  const { levels, shares } = solveBatchStarts(service);
  expect(levels.length).toBeLessThan(250);
  expect([...levels]).toContain(1024);
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
});
