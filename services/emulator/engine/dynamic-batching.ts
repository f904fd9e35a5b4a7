import type { GroupModel } from "../../../platform/plan/platform-plan.ts";

/** One request as the batcher sees it. */
export interface BatchableRequest {
  /** Unique among the requests in the engine. */
  readonly id: number;
  /** Model and version: only requests of the same one share a batch. */
  readonly batchKey: string;
  /** Its size along the batch dimension, 1…maxBatchSize. */
  readonly items: number;
  readonly parameters: GroupModel["parameters"];
}

export interface DynamicBatchSettings {
  /** Items in one batch. */
  readonly maxBatchSize: number;
  /**
   * Requests that may wait; further ones are refused.
   * @default 10 times maxBatchSize: more would wait far beyond any latency target
   */
  readonly maxWaiting?: number;
}

/** One execution on the GPU. */
export interface Batch {
  /** `gamma + delta·items`. */
  readonly durationMs: number;
  readonly items: number;
  /** In order of arrival. */
  readonly requests: readonly BatchableRequest[];
}

/**
 * Dynamic batching without a clock: one batch at a time, shared by all models of a server. The oldest request says
 * which model runs next; later requests of the same model and version join it in order of arrival while they fit.
 */
export class DynamicBatch {
  readonly #maxBatchSize: number;
  readonly #maxWaiting: number;
  /** In order of arrival. */
  readonly #waiting = new Map<number, BatchableRequest>();
  #current: Batch | undefined;

  constructor(settings: DynamicBatchSettings) {
    this.#maxBatchSize = settings.maxBatchSize;
    this.#maxWaiting = settings.maxWaiting ?? 10 * settings.maxBatchSize;
  }

  waitingCount(batchKey: string): number {
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

  /** Begins a batch, or gives nothing where no request waits. */
  begin(): Batch | undefined {
    const [oldest] = this.#waiting.values();
    if (oldest === undefined) return undefined;
    const requests: BatchableRequest[] = [];
    let items = 0;
    for (const request of this.#waiting.values()) {
      if (request.batchKey !== oldest.batchKey) continue;
      if (items + request.items > this.#maxBatchSize) break;
      items += request.items;
      requests.push(request);
      this.#waiting.delete(request.id);
    }
    const { gammaMs, deltaMs } = oldest.parameters;
    this.#current = { durationMs: gammaMs + deltaMs * items, items, requests };
    return this.#current;
  }

  /** Ends the batch that `begin` began. */
  end(): Batch | undefined {
    const ended = this.#current;
    this.#current = undefined;
    return ended;
  }
}
