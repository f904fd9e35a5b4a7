import { expect, test } from "vitest";
import { BatchingEngine, type Execution } from "../../../../services/emulator/engine/batching-engine.ts";
import { VirtualClock } from "../virtual-clock.ts";

const parameters = { alphaMs: 0, betaMs: 0, gammaMs: 4, deltaMs: 0.5 };

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
  clock.step();
  expect(engine.waitingCount("bert/3")).toBe(2);
  executing?.abort();
  waiting?.abort();
  while (clock.step());
  expect(answered).toEqual(["wanted"]);
});

test("requests of the same moment share a batch", () => {
  const clock = new VirtualClock();
  const engine = new BatchingEngine({ maxBatchSize: 8 }, clock);
  const ends: number[] = [];
  for (let request = 0; request < 3; request++) {
    engine.submit({ batchKey: "bert/3", items: 1, parameters, onExecuted: () => ends.push(clock.nowMs()) });
  }
  while (clock.step());
  // 4 + 0.5·3
  expect(ends).toEqual([5.5, 5.5, 5.5]);
});

test("instances execute side by side, and a batch that is not full waits for the queue delay", () => {
  const clock = new VirtualClock();
  const engine = new BatchingEngine({ maxBatchSize: 2, instances: 2, maxQueueDelayMillis: 3 }, clock);
  const ends: number[] = [];
  const submit = () =>
    engine.submit({ batchKey: "bert/3", items: 1, parameters, onExecuted: () => ends.push(clock.nowMs()) });
  submit();
  submit();
  clock.advanceTo(1);
  submit();
  while (clock.step());
  // Two at 0 are a full batch of 4 + 0.5·2; the third is due at 1 + 3, on the other instance, for 4 + 0.5.
  expect(ends).toEqual([5, 5, 8.5]);
});

test("a stopped engine leaves no timer, be it of a batch or of one that is held", () => {
  const clock = new VirtualClock();
  const engine = new BatchingEngine({ maxBatchSize: 2, instances: 2, maxQueueDelayMillis: 100 }, clock);
  const submit = () => engine.submit({ batchKey: "bert/3", items: 1, parameters, onExecuted: () => {} });
  submit();
  submit();
  clock.advanceTo(0);
  submit();
  clock.advanceTo(0);
  expect(clock.pending).toBe(2);
  engine.stop();
  expect(clock.pending).toBe(0);
});
