import { ArrivalSource } from "./arrival-source.ts";
import type { MeasuredRequests } from "./arrivals.ts";
import {
  DynamicBatch,
  type Batch,
  type BatchableRequest,
  type DynamicBatchSettings,
} from "./dynamic-batching.ts";

/** One request of a trace to a request/response engine. */
export type InferenceArrival = Omit<BatchableRequest, "id">;

/** What became of one request. */
export interface InferenceOutcome {
  readonly arrivalMillis: number;
  /** `refused`: it met a full queue. `unfinished`: the run ended before it did. */
  readonly state: "finished" | "refused" | "unfinished";
  /** When its batch began; not a number where none did. */
  readonly startMillis: number;
  /** Not a number where it is not finished. */
  readonly endMillis: number;
}

/** A run of the engine in virtual time. */
export interface BatchingRun {
  /** In order of arrival, those that do not count among them. */
  readonly requests: readonly InferenceOutcome[];
  /** `complete`: every request that counts is finished or was refused. */
  readonly ended: "complete" | "batch-limit";
  readonly batches: number;
  /** Time of all batches, over all instances. */
  readonly busyMillis: number;
  /** From the arrival of the first request that counts to the end of the run. */
  readonly window: {
    readonly fromMillis: number;
    readonly toMillis: number;
    /** Requests that ended in it. */
    readonly finished: number;
  };
}

/** Requests after the last one that counts, which keep up the load until it has finished. */
const mostFollowing = 1_000;

/**
 * Runs dynamic batching over arrivals in virtual time. All that happens at one time happens in this order: batches end,
 * requests arrive, free instances begin batches.
 *
 * @param arrivals in order of arrival; only as many as needed are taken, so that there may be no end of them.
 */
export function runBatching(
  settings: DynamicBatchSettings,
  arrivals: Iterable<InferenceArrival>,
  measured: MeasuredRequests,
  maxBatches: number,
): BatchingRun {
  const queue = new DynamicBatch(settings);
  const source = new ArrivalSource(arrivals, 2 * (measured.first + measured.count) + mostFollowing);
  const instances: Instance[] = Array.from({ length: settings.instances ?? 1 }, () => ({
    batch: undefined,
    endMillis: Number.POSITIVE_INFINITY,
  }));
  const requests: Mutable<InferenceOutcome>[] = [];
  let undecided = measured.count;
  let nowMillis = 0;
  let batches = 0;
  let busyMillis = 0;
  let finished = 0;
  let fromMillis = Number.POSITIVE_INFINITY;

  const decide = (index: number): void => {
    if (index >= measured.first && index < measured.first + measured.count) undecided--;
  };
  const endBatches = (): void => {
    for (const instance of instances) {
      if (instance.endMillis > nowMillis) continue;
      for (const { id } of instance.batch?.requests ?? []) {
        const request = requests[id];
        if (request === undefined) continue;
        request.endMillis = nowMillis;
        request.state = "finished";
        if (nowMillis >= fromMillis) finished++;
        decide(id);
      }
      instance.batch = undefined;
      instance.endMillis = Number.POSITIVE_INFINITY;
    }
  };
  const enqueueArrived = (): void => {
    while (source.nextMillis <= nowMillis) {
      const id = requests.length;
      const arrival = source.take();
      const { arrivalMillis } = arrival;
      if (id === measured.first) fromMillis = arrivalMillis;
      const accepted = queue.enqueue({ id, ...arrival });
      requests.push({ arrivalMillis, state: accepted ? "unfinished" : "refused", ...noTimes });
      if (!accepted) decide(id);
    }
  };
  /** Gives the time at which waiting requests are due that free instances hold back. */
  const beginBatches = (): number => {
    for (const instance of instances) {
      if (instance.batch !== undefined) continue;
      const next = queue.begin(nowMillis);
      if (next === undefined) break;
      if (next.kind === "hold") return next.untilMillis;
      batches++;
      busyMillis += next.durationMillis;
      instance.batch = next;
      instance.endMillis = nowMillis + next.durationMillis;
      for (const { id } of next.requests) {
        const request = requests[id];
        if (request !== undefined) request.startMillis = nowMillis;
      }
    }
    return Number.POSITIVE_INFINITY;
  };

  for (;;) {
    endBatches();
    enqueueArrived();
    if (undecided === 0 || batches >= maxBatches) break;
    const dueMillis = beginBatches();
    const nextEndMillis = Math.min(...instances.map(({ endMillis }) => endMillis));
    const nextMillis = Math.min(dueMillis, nextEndMillis, source.nextMillis);
    if (nextMillis === Number.POSITIVE_INFINITY) break;
    nowMillis = nextMillis;
  }
  return {
    requests,
    ended: undecided === 0 ? "complete" : "batch-limit",
    batches,
    busyMillis,
    window: { fromMillis, toMillis: nowMillis, finished },
  };
}

interface Instance {
  batch: Batch | undefined;
  /** Infinite where it is free. */
  endMillis: number;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const noTimes = { startMillis: Number.NaN, endMillis: Number.NaN };
