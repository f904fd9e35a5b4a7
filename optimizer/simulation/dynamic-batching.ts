import type { PerformanceProfile } from "../profiles/performance-profile.ts";

/** One request as the batcher sees it. */
export interface BatchableRequest {
  /** Unique among the requests in the engine. */
  readonly id: number;
  /** When it came, on the clock that `begin` is told; not before the request in front of it. */
  readonly arrivalMillis: number;
  /** Model and version: only requests of the same one share a batch. */
  readonly batchKey: string;
  /** Its size along the batch dimension, 1…maxBatchSize. */
  readonly items: number;
  /**
   * Items in one batch of its model; the same for all requests of a batch key.
   * @default that of the engine, which is the most that it may be
   */
  readonly maxBatchSize?: number;
  readonly parameters: Pick<PerformanceProfile, "gammaMs" | "deltaMs">;
}

export interface DynamicBatchSettings {
  /** Items in one batch, at least 1. */
  readonly maxBatchSize: number;
  /**
   * How long the oldest request of a batch that is not full waits for others to join.
   * @default 0: a free instance takes what there is
   */
  readonly maxQueueDelayMillis?: number;
  /**
   * Batches that execute side by side, each in its own time; at least 1.
   * @default 1
   */
  readonly instances?: number;
  /**
   * Requests that may wait; further ones are refused.
   * @default 10 times maxBatchSize: more would wait far beyond any latency target
   */
  readonly maxWaiting?: number;
}

/** One execution on the GPU. */
export interface Batch {
  readonly kind: "batch";
  /** `gamma + delta·items`. */
  readonly durationMillis: number;
  readonly items: number;
  /** In order of arrival. */
  readonly requests: readonly BatchableRequest[];
}

/** Requests wait for others to join them. */
export interface BatchHold {
  readonly kind: "hold";
  /** When the first of the batches is due even if nothing joins it. */
  readonly untilMillis: number;
}

/** A batch that fills up while the queue is looked through. */
interface FormingBatch {
  readonly oldest: BatchableRequest;
  readonly requests: BatchableRequest[];
  items: number;
  /** Nothing joins it any more: it holds all it may, or the next request of its model does not fit. */
  full: boolean;
}

/**
 * Dynamic batching without a clock: a queue shared by all models of a server, from which free instances take batches.
 * The oldest request says which model runs next; later requests of the same model and version join it in order of
 * arrival while they fit. The emulator runs it in real time, the simulation in virtual time.
 */
export class DynamicBatch {
  readonly #maxBatchSize: number;
  readonly #maxQueueDelayMillis: number;
  readonly #maxWaiting: number;
  /** In order of arrival. */
  readonly #waiting = new Map<number, BatchableRequest>();

  /** Throws a RangeError where `maxBatchSize` is below 1. */
  constructor(settings: DynamicBatchSettings) {
    this.#maxBatchSize = settings.maxBatchSize;
    this.#maxQueueDelayMillis = settings.maxQueueDelayMillis ?? 0;
    this.#maxWaiting = settings.maxWaiting ?? 10 * settings.maxBatchSize;
    if (!(this.#maxBatchSize >= 1)) {
      throw new RangeError(`maxBatchSize ${this.#maxBatchSize} must be at least 1`);
    }
  }

  /** Waiting requests of one model and version, or of all. */
  waitingCount(batchKey?: string): number {
    if (batchKey === undefined) return this.#waiting.size;
    let count = 0;
    for (const request of this.#waiting.values()) if (request.batchKey === batchKey) count++;
    return count;
  }

  /** Puts a request at the end of the queue; false where the queue is full. */
  enqueue(request: BatchableRequest): boolean {
    if (this.#waiting.size >= this.#maxWaiting) return false;
    this.#waiting.set(request.id, request);
    return true;
  }

  /** A waiting request leaves; one that executes stays in its batch, as a kernel on a GPU cannot be called back. */
  abort(id: number): void {
    this.#waiting.delete(id);
  }

  /** What an instance that is free at a time begins, or nothing where no request waits. */
  begin(nowMillis: number): Batch | BatchHold | undefined {
    let untilMillis = Number.POSITIVE_INFINITY;
    for (const forming of this.#formingBatches()) {
      const dueMillis = forming.oldest.arrivalMillis + this.#maxQueueDelayMillis;
      if (forming.full || dueMillis <= nowMillis) return this.#take(forming);
      untilMillis = Math.min(untilMillis, dueMillis);
    }
    return untilMillis === Number.POSITIVE_INFINITY ? undefined : { kind: "hold", untilMillis };
  }

  /** One for every model and version that waits, the one with the oldest request first. */
  #formingBatches(): Iterable<FormingBatch> {
    const forming = new Map<string, FormingBatch>();
    let first: FormingBatch | undefined;
    for (const request of this.#waiting.values()) {
      let batch = forming.get(request.batchKey);
      if (batch === undefined) {
        batch = { oldest: request, requests: [], items: 0, full: false };
        forming.set(request.batchKey, batch);
        first ??= batch;
      }
      const maxBatchSize = batch.oldest.maxBatchSize ?? this.#maxBatchSize;
      // None of its model overtakes a request that does not fit.
      if (!batch.full && batch.items + request.items <= maxBatchSize) {
        batch.requests.push(request);
        batch.items += request.items;
        batch.full = batch.items === maxBatchSize;
      } else {
        batch.full = true;
      }
      // It runs in any case: what the others hold does not matter.
      if (first?.full) break;
    }
    return forming.values();
  }

  #take({ oldest, requests, items }: FormingBatch): Batch {
    for (const { id } of requests) this.#waiting.delete(id);
    const { gammaMs, deltaMs } = oldest.parameters;
    return { kind: "batch", durationMillis: gammaMs + deltaMs * items, items, requests };
  }
}
