import type { InferenceArrival } from "../../../optimizer/simulation/batching-run.ts";
import type { DynamicBatchSettings } from "../../../optimizer/simulation/dynamic-batching.ts";

/** What became of a request: refused, or when its batch began and ended. */
export type NaiveOutcome = "refused" | readonly [startMillis: number, endMillis: number];

/** A quarter of a millisecond: every time of the traces it is meant for is a multiple of it. */
const tickMillis = 0.25;

/** Dynamic batching as its definition reads, looked at in every tick of a clock. */
export function naiveBatching(
  settings: Required<DynamicBatchSettings>,
  arrivals: readonly InferenceArrival[],
): readonly NaiveOutcome[] {
  const outcomes: (NaiveOutcome | undefined)[] = arrivals.map(() => undefined);
  const instances = Array.from({ length: settings.instances }, () => ({ busyUntil: 0 }));
  let queue: number[] = [];
  let arrived = 0;
  for (let now = 0; outcomes.includes(undefined); now += tickMillis) {
    for (; (arrivals[arrived]?.arrivalMillis ?? Number.POSITIVE_INFINITY) <= now; arrived++) {
      if (queue.length < settings.maxWaiting) queue.push(arrived);
      else outcomes[arrived] = "refused";
    }
    for (const instance of instances.filter(({ busyUntil }) => busyUntil <= now)) {
      // A batch without time leaves its instance free for the next one at once.
      for (;;) {
        const batch = chooseBatch(settings, arrivals, queue, now);
        if (batch === undefined) break;
        queue = queue.filter((index) => !batch.includes(index));
        const items = batch.reduce((sum, index) => sum + (arrivals[index]?.items ?? 0), 0);
        const { gammaMs, deltaMs } = arrivals[batch[0] ?? 0]?.parameters ?? { gammaMs: 0, deltaMs: 0 };
        instance.busyUntil = now + gammaMs + deltaMs * items;
        for (const index of batch) outcomes[index] = [now, instance.busyUntil];
        if (instance.busyUntil > now) break;
      }
    }
  }
  return outcomes.filter((outcome) => outcome !== undefined);
}

function chooseBatch(
  { maxBatchSize, maxQueueDelayMillis }: Required<DynamicBatchSettings>,
  arrivals: readonly InferenceArrival[],
  queue: readonly number[],
  now: number,
): readonly number[] | undefined {
  for (const key of new Set(queue.map((index) => arrivals[index]?.batchKey))) {
    const batch: number[] = [];
    const ofKey = queue.filter((candidate) => arrivals[candidate]?.batchKey === key);
    let room = arrivals[ofKey[0] ?? 0]?.maxBatchSize ?? maxBatchSize;
    let closed = false;
    for (const index of ofKey) {
      const items = arrivals[index]?.items ?? 0;
      closed ||= items > room;
      if (closed) break;
      batch.push(index);
      room -= items;
    }
    const oldestMillis = arrivals[batch[0] ?? 0]?.arrivalMillis ?? 0;
    if (closed || room === 0 || oldestMillis + maxQueueDelayMillis <= now) return batch;
  }
  return undefined;
}
