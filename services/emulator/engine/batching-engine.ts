import {
  DynamicBatch,
  type Batch,
  type BatchableRequest,
  type DynamicBatchSettings,
} from "../../../optimizer/simulation/dynamic-batching.ts";
import type { Clock } from "./clock.ts";
import { StepLoop, type SteppedWork } from "./step-loop.ts";

/** How one execution went. */
export interface Execution {
  /** From the request's arrival to the start of its batch. */
  readonly queueMs: number;
  /** Modelled time of the batch. */
  readonly computeMs: number;
  /** True for one request of every batch, so that counting it counts executions. */
  readonly firstOfBatch: boolean;
}

export interface InferenceRequest extends Omit<BatchableRequest, "id" | "arrivalMillis"> {
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
  readonly #loops: readonly StepLoop[];
  readonly #clock: Clock;
  readonly #requests = new Map<number, InferenceRequest>();
  #cancelHold = (): void => {};
  #nextId = 1;

  constructor(settings: DynamicBatchSettings, clock: Clock) {
    this.#batch = new DynamicBatch(settings);
    this.#clock = clock;
    this.#loops = Array.from(
      { length: settings.instances ?? 1 },
      () => new StepLoop(this.#newInstance(), clock),
    );
  }

  waitingCount(batchKey: string): number {
    return this.#batch.waitingCount(batchKey);
  }

  /** Nothing where the queue is full. */
  submit(request: InferenceRequest): PendingInference | undefined {
    const id = this.#nextId++;
    const { batchKey, items, parameters } = request;
    const arrivalMillis = this.#clock.nowMs();
    if (!this.#batch.enqueue({ id, arrivalMillis, batchKey, items, parameters })) return undefined;
    this.#requests.set(id, request);
    this.#wake();
    return {
      abort: () => {
        if (this.#requests.delete(id)) this.#batch.abort(id);
      },
    };
  }

  stop(): void {
    this.#cancelHold();
    for (const loop of this.#loops) loop.stop();
    this.#requests.clear();
  }

  #wake(): void {
    for (const loop of this.#loops) loop.wake();
  }

  /** What executes one batch after the other. */
  #newInstance(): SteppedWork {
    let current: Batch | undefined;
    let startedMs = 0;
    return {
      begin: () => {
        startedMs = this.#clock.nowMs();
        const next = this.#batch.begin(startedMs);
        current = next?.kind === "batch" ? next : undefined;
        if (next?.kind === "hold") this.#holdUntil(next.untilMillis);
        return current?.durationMillis;
      },
      end: () => {
        if (current !== undefined) this.#deliver(current, startedMs);
      },
    };
  }

  #holdUntil(timeMs: number): void {
    // The latest hold knows all that waits.
    this.#cancelHold();
    this.#cancelHold = this.#clock.wakeAt(timeMs, () => this.#wake());
  }

  #deliver({ requests, durationMillis }: Batch, startedMs: number): void {
    let firstOfBatch = true;
    for (const { id, arrivalMillis } of requests) {
      const request = this.#requests.get(id);
      if (request === undefined) continue;
      this.#requests.delete(id);
      request.onExecuted({ queueMs: startedMs - arrivalMillis, computeMs: durationMillis, firstOfBatch });
      firstOfBatch = false;
    }
  }
}
