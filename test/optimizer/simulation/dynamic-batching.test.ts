import fc from "fast-check";
import { expect, test } from "vitest";
import { DynamicBatch, type Batch } from "../../../optimizer/simulation/dynamic-batching.ts";

const parameters = { alphaMs: 0, betaMs: 0, gammaMs: 4, deltaMs: 0.5 };

function begun(batch: DynamicBatch, nowMillis = 0): Batch | undefined {
  const next = batch.begin(nowMillis);
  return next?.kind === "batch" ? next : undefined;
}

function ids(batch: DynamicBatch, nowMillis = 0): readonly number[] | undefined {
  return begun(batch, nowMillis)?.requests.map(({ id }) => id);
}

test("a batch takes gamma + delta·items", () => {
  const batch = new DynamicBatch({ maxBatchSize: 8 });
  for (const [id, items] of [1, 2, 3].entries())
    batch.enqueue({ id, arrivalMillis: 0, batchKey: "bert/3", items, parameters });
  // 4 + 0.5·(1 + 2 + 3)
  expect(batch.begin(0)).toMatchObject({ kind: "batch", durationMillis: 7, items: 6 });
});

test("a batch holds one model version; the oldest request says which", () => {
  const batch = new DynamicBatch({ maxBatchSize: 8 });
  for (const [id, batchKey] of ["bert/3", "resnet/1", "bert/4", "bert/3", "resnet/1"].entries()) {
    batch.enqueue({ id, arrivalMillis: 0, batchKey, items: 1, parameters });
  }
  expect([ids(batch), ids(batch), ids(batch), ids(batch)]).toEqual([[0, 3], [1, 4], [2], undefined]);
});

test("a model's own largest batch bounds its batches, and those of no other model", () => {
  const batch = new DynamicBatch({ maxBatchSize: 4, maxQueueDelayMillis: 5 });
  for (let id = 0; id < 8; id++) {
    const own = id % 2 === 0 ? { batchKey: "small/1", maxBatchSize: 2 } : { batchKey: "large/1" };
    batch.enqueue({ id, arrivalMillis: 0, items: 1, parameters, ...own });
  }
  // Full at two, and so not held back.
  expect([ids(batch), ids(batch), ids(batch), ids(batch)]).toEqual([[0, 2], [1, 3, 5, 7], [4, 6], undefined]);
});

test("a request that does not fit waits, and none of its model overtakes it", () => {
  const batch = new DynamicBatch({ maxBatchSize: 4 });
  for (const [id, items] of [3, 2, 1].entries())
    batch.enqueue({ id, arrivalMillis: 0, batchKey: "bert/3", items, parameters });
  expect([ids(batch), ids(batch)]).toEqual([[0], [1, 2]]);
});

test("requests are refused beyond the queue bound, ten times the batch unless said otherwise", () => {
  const batch = new DynamicBatch({ maxBatchSize: 1 });
  const accepted = Array.from({ length: 11 }, (_, id) =>
    batch.enqueue({ id, arrivalMillis: 0, batchKey: "m/1", items: 1, parameters }),
  );
  expect(accepted.indexOf(false)).toBe(10);
});

test("any requests are executed once, and never more items at once than the batch holds", () => {
  const requests = fc.array(fc.tuple(fc.constantFrom("a/1", "a/2", "b/1"), fc.integer({ min: 1, max: 4 })));
  fc.assert(
    fc.property(requests, (arrivals) => {
      const batch = new DynamicBatch({ maxBatchSize: 4, maxWaiting: 1_000 });
      for (const [id, [batchKey, items]] of arrivals.entries())
        batch.enqueue({ id, arrivalMillis: 0, batchKey, items, parameters });
      const executed: number[] = [];
      for (let next = begun(batch); next !== undefined; next = begun(batch)) {
        expect(next.items).toBeLessThanOrEqual(4);
        expect(new Set(next.requests.map(({ batchKey }) => batchKey)).size).toBe(1);
        executed.push(...next.requests.map(({ id }) => id));
      }
      expect(executed.toSorted((a, b) => a - b)).toEqual(arrivals.map((_, id) => id));
    }),
  );
});

test("a batch that is not full is held until its oldest request has waited the queue delay", () => {
  const batch = new DynamicBatch({ maxBatchSize: 3, maxQueueDelayMillis: 5 });
  batch.enqueue({ id: 1, arrivalMillis: 10, batchKey: "bert/3", items: 1, parameters });
  expect(batch.begin(11)).toEqual({ kind: "hold", untilMillis: 15 });
  batch.enqueue({ id: 2, arrivalMillis: 12, batchKey: "bert/3", items: 1, parameters });
  expect(batch.begin(14)).toEqual({ kind: "hold", untilMillis: 15 });
  expect(ids(batch, 15)).toEqual([1, 2]);
  expect(batch.begin(15)).toBeUndefined();
});

test("a full batch of another model does not wait for one that is held", () => {
  const batch = new DynamicBatch({ maxBatchSize: 2, maxQueueDelayMillis: 5 });
  for (const [id, batchKey] of ["bert/3", "resnet/1", "resnet/1"].entries()) {
    batch.enqueue({ id, arrivalMillis: id, batchKey, items: 1, parameters });
  }
  expect(ids(batch, 2)).toEqual([1, 2]);
  expect(batch.begin(2)).toEqual({ kind: "hold", untilMillis: 5 });
});

test("a batch that the next request of its model does not fit is held no longer", () => {
  const batch = new DynamicBatch({ maxBatchSize: 4, maxQueueDelayMillis: 5 });
  for (const [id, items] of [3, 2].entries()) {
    batch.enqueue({ id, arrivalMillis: 0, batchKey: "bert/3", items, parameters });
  }
  expect(ids(batch, 1)).toEqual([0]);
  expect(batch.begin(1)).toEqual({ kind: "hold", untilMillis: 5 });
});

test("a batcher without room for any item is refused", () => {
  expect(() => new DynamicBatch({ maxBatchSize: 0 })).toThrow("maxBatchSize 0 must be at least 1");
});
