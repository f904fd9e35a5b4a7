import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certain } from "../../../optimizer/certain.ts";
import {
  ContinuousBatch,
  type ContinuousBatchSettings,
} from "../../../optimizer/simulation/continuous-batching.ts";

const parameters = { alphaMs: 8, betaMs: 0.5, gammaMs: 10, deltaMs: 0.25 };

function newBatch(settings: Partial<ContinuousBatchSettings> = {}): ContinuousBatch {
  return new ContinuousBatch({ parameters, maxBatchSize: 4, ...settings });
}

describe("one sequence", () => {
  test("gets its first token from the iteration that reads its prompt, and one a decode iteration after that", () => {
    const batch = newBatch();
    batch.enqueue({ id: 1, promptTokens: 100, outputTokens: 3 });
    // gamma + delta·p = 10 + 0.25·100
    expect(batch.begin()).toEqual({ durationMillis: 35, decoding: 0, prefilledTokens: 100, alike: 1 });
    expect(batch.end()).toEqual([{ sequence: 1, index: 1, last: false }]);
    // alpha + beta·n = 8 + 0.5·1
    expect(batch.begin()).toEqual({ durationMillis: 8.5, decoding: 1, prefilledTokens: 0, alike: 2 });
    expect(batch.end()).toEqual([{ sequence: 1, index: 2, last: false }]);
    expect(batch.begin()?.durationMillis).toBe(8.5);
    expect(batch.end()).toEqual([{ sequence: 1, index: 3, last: true }]);
    expect(batch.begin()).toBeUndefined();
  });

  test("leaves after its prompt where one token is wanted", () => {
    const batch = newBatch();
    batch.enqueue({ id: 1, promptTokens: 4, outputTokens: 1 });
    batch.begin();
    expect(batch.end()).toEqual([{ sequence: 1, index: 1, last: true }]);
    expect(batch.runningCount).toBe(0);
  });

  test("reads a prompt above the token budget in chunks", () => {
    const batch = newBatch({ maxBatchedTokens: 100 });
    batch.enqueue({ id: 1, promptTokens: 250, outputTokens: 2 });
    // 250 = 100 + 100 + 50: 10 + 0.25·100 twice, then 10 + 0.25·50
    const durations = [0, 1, 2].map(() => [batch.begin()?.durationMillis, batch.end().length]);
    expect(durations).toEqual([
      [35, 0],
      [35, 0],
      [22.5, 1],
    ]);
  });
});

describe("several sequences", () => {
  test("share iterations: one that decodes and one that arrives", () => {
    const batch = newBatch();
    batch.enqueue({ id: 1, promptTokens: 20, outputTokens: 3 });
    batch.begin();
    batch.end();
    batch.enqueue({ id: 2, promptTokens: 40, outputTokens: 2 });
    // (8 + 0.5·1) + (10 + 0.25·40)
    expect(batch.begin()).toEqual({ durationMillis: 28.5, decoding: 1, prefilledTokens: 40, alike: 1 });
    expect(batch.end()).toEqual([
      { sequence: 1, index: 2, last: false },
      { sequence: 2, index: 1, last: false },
    ]);
    // 8 + 0.5·2
    expect(batch.begin()).toEqual({ durationMillis: 9, decoding: 2, prefilledTokens: 0, alike: 1 });
    expect(batch.end()).toEqual([
      { sequence: 1, index: 3, last: true },
      { sequence: 2, index: 2, last: true },
    ]);
  });

  test("fill the token budget in order of arrival, after one token for each that decodes", () => {
    const batch = newBatch({ maxBatchedTokens: 100 });
    batch.enqueue({ id: 1, promptTokens: 10, outputTokens: 9 });
    batch.begin();
    batch.end();
    batch.enqueue({ id: 2, promptTokens: 60, outputTokens: 9 });
    batch.enqueue({ id: 3, promptTokens: 60, outputTokens: 9 });
    // Budget 100 - 1 decoding: 60 of sequence 2, then 39 of sequence 3.
    expect(batch.begin()).toMatchObject({ decoding: 1, prefilledTokens: 99 });
    expect(batch.end().map(({ sequence }) => sequence)).toEqual([1, 2]);
    // The 21 tokens left of sequence 3.
    expect(batch.begin()).toMatchObject({ decoding: 2, prefilledTokens: 21 });
    expect(batch.end().map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  test("wait outside the engine while it holds maxBatchSize", () => {
    const batch = newBatch({ maxBatchSize: 2 });
    for (const id of [1, 2, 3]) batch.enqueue({ id, promptTokens: 1, outputTokens: id });
    batch.begin();
    expect([batch.running, batch.waitingCount]).toEqual([[1, 2], 1]);
    batch.end();
    // Sequence 1 wanted one token and left: 3 takes its place, while 2 decodes.
    expect(batch.begin()).toMatchObject({ decoding: 1, prefilledTokens: 1 });
    expect([batch.running, batch.waitingCount]).toEqual([[2, 3], 0]);
  });

  test("are refused beyond the queue bound, ten times the batch unless said otherwise", () => {
    const batch = newBatch({ maxBatchSize: 2 });
    const accepted = Array.from({ length: 21 }, (_, id) =>
      batch.enqueue({ id, promptTokens: 1, outputTokens: 1 }),
    );
    expect(accepted.filter(Boolean)).toHaveLength(20);
    expect(accepted.at(-1)).toBe(false);
  });
});

describe("alike iterations", () => {
  test("go on until the first sequence leaves, and end at once as they end one by one", () => {
    const fill = (batch: ContinuousBatch): ContinuousBatch => {
      for (const [id, outputTokens] of [5, 4, 9].entries())
        batch.enqueue({ id, promptTokens: 3, outputTokens });
      batch.begin();
      batch.end();
      return batch;
    };
    const [stepped, skipped] = [fill(newBatch()), fill(newBatch())];
    // Tokens 2, 3 and 4 of all three: then the second one leaves.
    expect(skipped.begin()).toMatchObject({ decoding: 3, alike: 3 });
    for (let left = 3; left > 1; left--) {
      expect(stepped.begin()?.alike).toBe(left);
      stepped.end();
    }
    expect(stepped.begin()?.alike).toBe(1);
    expect(skipped.end(3)).toEqual(stepped.end());
    expect(skipped.running).toEqual([0, 2]);
    expect(skipped.begin()).toEqual(stepped.begin());
  });

  test("include those in which a full batch or decoding sequences that use the whole budget keep others waiting", () => {
    const full = newBatch({ maxBatchSize: 1 });
    const noBudget = newBatch({ maxBatchedTokens: 1 });
    for (const batch of [full, noBudget]) {
      batch.enqueue({ id: 1, promptTokens: 1, outputTokens: 6 });
      batch.begin();
      batch.end();
      batch.enqueue({ id: 2, promptTokens: 1, outputTokens: 1 });
      expect(batch.begin()).toMatchObject({ decoding: 1, prefilledTokens: 0, alike: 5 });
    }
  });
});

test("an engine that could never read a prompt is refused", () => {
  expect(() => newBatch({ maxBatchSize: 0 })).toThrow(RangeError);
  expect(() => newBatch({ maxBatchedTokens: 0 })).toThrow("maxBatchedTokens 0 must be at least 1");
});

describe("an aborted sequence", () => {
  test("leaves at the end of the running iteration without a token and frees its place", () => {
    const batch = newBatch({ maxBatchSize: 1 });
    batch.enqueue({ id: 1, promptTokens: 5, outputTokens: 100 });
    batch.enqueue({ id: 2, promptTokens: 7, outputTokens: 1 });
    batch.begin();
    batch.abort(1);
    expect(batch.running).toEqual([1]);
    expect(batch.end()).toEqual([]);
    expect(batch.begin()).toMatchObject({ decoding: 0, prefilledTokens: 7 });
    expect(batch.running).toEqual([2]);
  });

  test("leaves the queue at once", () => {
    const batch = newBatch({ maxBatchSize: 1 });
    for (const id of [1, 2]) batch.enqueue({ id, promptTokens: 1, outputTokens: 1 });
    batch.begin();
    batch.abort(2);
    expect(batch.waitingCount).toBe(0);
  });

  test("may be unknown", () => {
    const batch = newBatch();
    batch.abort(99);
    expect(batch.begin()).toBeUndefined();
  });
});

describe("any sequences", () => {
  const sequences = fc.array(
    fc.record({
      promptTokens: fc.integer({ min: 1, max: 60 }),
      outputTokens: fc.integer({ min: 1, max: 12 }),
      /** Iterations that pass before it arrives. */
      after: fc.integer({ min: 0, max: 3 }),
      /** Tokens after which it is aborted; those beyond its output never are. */
      abortAfter: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 1, maxLength: 25 },
  );
  const settings = fc.record({
    maxBatchSize: fc.integer({ min: 1, max: 6 }),
    maxBatchedTokens: fc.integer({ min: 1, max: 50 }),
  });

  test("emit exactly the tokens they want, never exceed the batch, and are admitted in order of arrival", () => {
    fc.assert(
      fc.property(sequences, settings, (arrivals, { maxBatchSize, maxBatchedTokens }) => {
        const batch = newBatch({ maxBatchSize, maxBatchedTokens, maxWaiting: 1_000 });
        const emitted = new Map<number, number>();
        const admitted: number[] = [];
        const iterate = (): boolean => {
          const iteration = batch.begin();
          if (iteration === undefined) return false;
          expect(batch.runningCount).toBeLessThanOrEqual(maxBatchSize);
          expect(iteration.prefilledTokens).toBeLessThanOrEqual(
            Math.max(0, maxBatchedTokens - iteration.decoding),
          );
          expect(iteration.alike).toBeGreaterThanOrEqual(1);
          // An iteration that does nothing would never end.
          expect(iteration.decoding + iteration.prefilledTokens).toBeGreaterThan(0);
          for (const id of batch.running) if (!admitted.includes(id)) admitted.push(id);
          for (const { sequence, index, last } of batch.end()) {
            expect(index).toBe((emitted.get(sequence) ?? 0) + 1);
            emitted.set(sequence, index);
            const { outputTokens, abortAfter } = certain(arrivals[sequence]);
            expect(last).toBe(index === outputTokens);
            if (index === abortAfter) batch.abort(sequence);
          }
          return true;
        };
        for (const [id, { promptTokens, outputTokens, after }] of arrivals.entries()) {
          for (let pass = 0; pass < after; pass++) iterate();
          expect(batch.enqueue({ id, promptTokens, outputTokens })).toBe(true);
        }
        while (iterate());
        const wanted = arrivals.map(({ outputTokens, abortAfter }) => Math.min(outputTokens, abortAfter));
        expect(arrivals.map((_, id) => emitted.get(id))).toEqual(wanted);
        expect(admitted).toEqual(arrivals.map((_, id) => id));
        expect([batch.waitingCount, batch.runningCount]).toEqual([0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});
