import type { Clock } from "./clock.ts";
import { DynamicBatch, type BatchableRequest, type DynamicBatchSettings } from "./dynamic-batching.ts";
import { StepLoop } from "./step-loop.ts";

/** How one execution went. */
export interface Execution {
  /** From the request's arrival to the start of its batch. */
  readonly queueMs: number;
  /** Modelled time of the batch. */
  readonly computeMs: number;
  /** True for one request of every batch, so that counting it counts executions. */
  readonly firstOfBatch: boolean;
}

export interface InferenceRequest extends Omit<BatchableRequest, "id"> {
  readonly onExecuted: (execution: Execution) => void;
}

/** A request in the engine. */
export interface PendingInference {
  /** The answer is not wanted any more. */
  abort(): void;
}

/** Dynamic batching in time: one replica of a request/response engine. */
export class BatchingEngine {
  readonly #batch: DynamicBatch;
  readonly #loop: StepLoop;
  readonly #clock: Clock;
  readonly #requests = new Map<number, { request: InferenceRequest; arrivedMs: number }>();
  #batchStartedMs = 0;
  #nextId = 1;

  constructor(settings: DynamicBatchSettings, clock: Clock) {
    this.#batch = new DynamicBatch(settings);
    this.#clock = clock;
    this.#loop = new StepLoop({ begin: () => this.#beginBatch(), end: () => this.#deliverBatch() }, clock);
  }

  waitingCount(batchKey: string): number {
    return this.#batch.waitingCount(batchKey);
  }

  /** Nothing where the queue is full. */
  submit(request: InferenceRequest): PendingInference | undefined {
    const id = this.#nextId++;
    const { batchKey, items, parameters } = request;
    if (!this.#batch.enqueue({ id, batchKey, items, parameters })) return undefined;
    this.#requests.set(id, { request, arrivedMs: this.#clock.nowMs() });
    this.#loop.wake();
    return {
      abort: () => {
        if (this.#requests.delete(id)) this.#batch.abort(id);
      },
    };
  }

  stop(): void {
    this.#loop.stop();
    this.#requests.clear();
  }

  #beginBatch(): number | undefined {
    this.#batchStartedMs = this.#clock.nowMs();
    return this.#batch.begin()?.durationMs;
  }

  #deliverBatch(): void {
    const batch = this.#batch.end();
    let firstOfBatch = true;
    for (const { id } of batch?.requests ?? []) {
      const entry = this.#requests.get(id);
      if (entry === undefined) continue;
      this.#requests.delete(id);
      const queueMs = Math.max(0, this.#batchStartedMs - entry.arrivedMs);
      entry.request.onExecuted({ queueMs, computeMs: batch?.durationMs ?? 0, firstOfBatch });
      firstOfBatch = false;
    }
  }
}
