import fc from "fast-check";
import { expect, test } from "vitest";
import { BatchingEngine, type Execution } from "../../../../services/emulator/engine/batching-engine.ts";
import { DynamicBatch } from "../../../../services/emulator/engine/dynamic-batching.ts";
import { VirtualClock } from "../virtual-clock.ts";

const parameters = { alphaMs: 0, betaMs: 0, gammaMs: 4, deltaMs: 0.5 };

function ids(batch: DynamicBatch): readonly number[] | undefined {
  const begun = batch.begin();
  batch.end();
  return begun?.requests.map(({ id }) => id);
}

test("a batch takes gamma + delta·items", () => {
  const batch = new DynamicBatch({ maxBatchSize: 8 });
  for (const [id, items] of [1, 2, 3].entries()) batch.enqueue({ id, batchKey: "bert/3", items, parameters });
  // 4 + 0.5·(1 + 2 + 3)
  expect(batch.begin()).toMatchObject({ durationMs: 7, items: 6 });
});

test("a batch holds one model version; the oldest request says which", () => {
  const batch = new DynamicBatch({ maxBatchSize: 8 });
  for (const [id, batchKey] of ["bert/3", "resnet/1", "bert/4", "bert/3", "resnet/1"].entries()) {
    batch.enqueue({ id, batchKey, items: 1, parameters });
  }
  expect([ids(batch), ids(batch), ids(batch), ids(batch)]).toEqual([[0, 3], [1, 4], [2], undefined]);
});

test("a request that does not fit waits, and none of its model overtakes it", () => {
  const batch = new DynamicBatch({ maxBatchSize: 4 });
  for (const [id, items] of [3, 2, 1].entries()) batch.enqueue({ id, batchKey: "bert/3", items, parameters });
  expect([ids(batch), ids(batch)]).toEqual([[0], [1, 2]]);
});

test("requests are refused beyond the queue bound, ten times the batch unless said otherwise", () => {
  const batch = new DynamicBatch({ maxBatchSize: 1 });
  const accepted = Array.from({ length: 11 }, (_, id) =>
    batch.enqueue({ id, batchKey: "m/1", items: 1, parameters }),
  );
  expect(accepted.indexOf(false)).toBe(10);
});

test("any requests are executed once, and never more items at once than the batch holds", () => {
  const requests = fc.array(fc.tuple(fc.constantFrom("a/1", "a/2", "b/1"), fc.integer({ min: 1, max: 4 })));
  fc.assert(
    fc.property(requests, (arrivals) => {
      const batch = new DynamicBatch({ maxBatchSize: 4, maxWaiting: 1_000 });
      for (const [id, [batchKey, items]] of arrivals.entries())
        batch.enqueue({ id, batchKey, items, parameters });
      const executed: number[] = [];
      for (let begun = batch.begin(); begun !== undefined; begun = batch.begin()) {
        expect(begun.items).toBeLessThanOrEqual(4);
        expect(new Set(begun.requests.map(({ batchKey }) => batchKey)).size).toBe(1);
        executed.push(...begun.requests.map(({ id }) => id));
        batch.end();
      }
      expect(executed.toSorted((a, b) => a - b)).toEqual(arrivals.map((_, id) => id));
    }),
  );
});

test("the engine runs one batch at a time and tells queue and compute time", () => {
  const clock = new VirtualClock();
  const engine = new BatchingEngine({ maxBatchSize: 8 }, clock);
  const executions: Execution[] = [];
  const submit = () =>
    engine.submit({
      batchKey: "bert/3",
      items: 1,
      parameters,
      onExecuted: (execution) => executions.push(execution),
    });
  submit();
  clock.advanceTo(1.5);
  submit();
  submit();
  expect(engine.waitingCount("bert/3")).toBe(2);
  while (clock.step());
  // The first runs alone for 4 + 0.5; the others wait 4.5 - 1.5 and run together for 4 + 2·0.5.
  expect(executions).toEqual([
    { queueMs: 0, computeMs: 4.5, firstOfBatch: true },
    { queueMs: 3, computeMs: 5, firstOfBatch: true },
    { queueMs: 3, computeMs: 5, firstOfBatch: false },
  ]);
  expect(clock.nowMs()).toBe(9.5);
});

test("an aborted request is not answered, waiting or executing", () => {
  const clock = new VirtualClock();
  const engine = new BatchingEngine({ maxBatchSize: 1 }, clock);
  const answered: string[] = [];
  const submit = (name: string) =>
    engine.submit({ batchKey: "bert/3", items: 1, parameters, onExecuted: () => answered.push(name) });
  const executing = submit("executing");
  const waiting = submit("waiting");
  submit("wanted");
  executing?.abort();
  waiting?.abort();
  while (clock.step());
  expect(answered).toEqual(["wanted"]);
});
