import {
  ContinuousBatch,
  type ContinuousBatchSettings,
} from "../../../optimizer/simulation/continuous-batching.ts";
import type { Clock } from "./clock.ts";
import { StepLoop } from "./step-loop.ts";

export interface GenerationRequest {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Called as each token comes out; `index` starts at 1. */
  readonly onToken: (index: number, last: boolean) => void;
}

/** A request in the engine. */
export interface Generation {
  /** Frees its place at the next iteration boundary; no more tokens come. */
  abort(): void;
}

/** Continuous batching in time: one replica of a generation engine. */
export class GenerationEngine {
  readonly #batch: ContinuousBatch;
  readonly #loop: StepLoop;
  readonly #requests = new Map<number, GenerationRequest>();
  #nextId = 1;

  constructor(settings: ContinuousBatchSettings, clock: Clock) {
    this.#batch = new ContinuousBatch(settings);
    this.#loop = new StepLoop(
      { begin: () => this.#batch.begin()?.durationMillis, end: () => this.#deliverTokens() },
      clock,
    );
  }

  get waitingCount(): number {
    return this.#batch.waitingCount;
  }

  get runningCount(): number {
    return this.#batch.runningCount;
  }

  /** Nothing where the queue is full. */
  submit(request: GenerationRequest): Generation | undefined {
    const id = this.#nextId++;
    const { promptTokens, outputTokens } = request;
    if (!this.#batch.enqueue({ id, promptTokens, outputTokens })) return undefined;
    this.#requests.set(id, request);
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

  #deliverTokens(): void {
    for (const { sequence, index, last } of this.#batch.end()) {
      const request = this.#requests.get(sequence);
      if (last) this.#requests.delete(sequence);
      request?.onToken(index, last);
    }
  }
}
