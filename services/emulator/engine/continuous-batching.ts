import type { GroupModel } from "../../../platform/plan/platform-plan.ts";

/** One request as the scheduler sees it: how much to read and how much to write. */
export interface Sequence {
  /** Unique among the sequences in the engine. */
  readonly id: number;
  /** At least 1. */
  readonly promptTokens: number;
  /** Tokens it generates until it leaves, at least 1. */
  readonly outputTokens: number;
}

export interface ContinuousBatchSettings {
  readonly parameters: GroupModel["parameters"];
  /** Sequences in the engine at once. */
  readonly maxBatchSize: number;
  /**
   * Tokens one iteration processes: one for each decoding sequence, the rest is filled with prompt chunks.
   * @default 8192
   */
  readonly maxBatchedTokens?: number;
  /**
   * Sequences that may wait outside the batch; further ones are refused.
   * @default 10 times maxBatchSize: more would wait far beyond any latency target
   */
  readonly maxWaiting?: number;
}

/** One pass of the engine: every decoding sequence gains a token, and prompt chunks are read. */
export interface Iteration {
  readonly durationMs: number;
  /** Sequences that decode. */
  readonly decoding: number;
  /** Prompt tokens prefilled, over all sequences. */
  readonly prefilledTokens: number;
}

export interface EmittedToken {
  readonly sequence: number;
  /** 1 for the first. */
  readonly index: number;
  /** The sequence has left the engine. */
  readonly last: boolean;
}

interface RunningSequence {
  readonly sequence: Sequence;
  promptTokensLeft: number;
  emitted: number;
  /** Prompt tokens it reads in the current iteration; 0 where it decodes or gets nothing. */
  chunk: number;
  decodes: boolean;
}

/**
 * Iteration-level continuous batching with chunked prefill, without a clock: `begin` decides what the next iteration
 * does and how long it takes, `end` gives the tokens it emitted. Sequences join and leave only between iterations.
 */
export class ContinuousBatch {
  readonly #parameters: GroupModel["parameters"];
  readonly #maxBatchSize: number;
  readonly #maxBatchedTokens: number;
  readonly #maxWaiting: number;
  /** In order of arrival. */
  readonly #waiting = new Map<number, Sequence>();
  /** In order of admission. */
  readonly #running = new Map<number, RunningSequence>();
  readonly #aborted = new Set<number>();

  constructor(settings: ContinuousBatchSettings) {
    this.#parameters = settings.parameters;
    this.#maxBatchSize = settings.maxBatchSize;
    this.#maxBatchedTokens = settings.maxBatchedTokens ?? 8_192;
    this.#maxWaiting = settings.maxWaiting ?? 10 * settings.maxBatchSize;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Ids of the sequences in the batch, in order of admission. */
  get running(): readonly number[] {
    return [...this.#running.keys()];
  }

  /** Puts a sequence at the end of the queue; false where the queue is full. */
  enqueue(sequence: Sequence): boolean {
    if (this.#waiting.size >= this.#maxWaiting) return false;
    this.#waiting.set(sequence.id, sequence);
    return true;
  }

  /** A waiting sequence leaves at once, a running one when the current iteration ends, without a token. */
  abort(id: number): void {
    if (!this.#waiting.delete(id) && this.#running.has(id)) this.#aborted.add(id);
  }

  /** Begins an iteration, or gives nothing where the engine is empty. */
  begin(): Iteration | undefined {
    // An abort between two iterations takes effect before the next one.
    this.#dropAborted();
    let decoding = 0;
    for (const entry of this.#running.values()) {
      entry.decodes = entry.promptTokensLeft === 0;
      if (entry.decodes) decoding++;
    }
    let budget = Math.max(0, this.#maxBatchedTokens - decoding);
    let prefilledTokens = 0;
    const prefill = (entry: RunningSequence): void => {
      entry.chunk = Math.min(budget, entry.promptTokensLeft);
      budget -= entry.chunk;
      prefilledTokens += entry.chunk;
    };
    // Prompts that are half read come first: they arrived before everything that still waits.
    for (const entry of this.#running.values()) prefill(entry);
    for (const sequence of this.#waiting.values()) {
      if (budget === 0 || this.#running.size >= this.#maxBatchSize) break;
      this.#waiting.delete(sequence.id);
      const entry = {
        sequence,
        promptTokensLeft: sequence.promptTokens,
        emitted: 0,
        chunk: 0,
        decodes: false,
      };
      this.#running.set(sequence.id, entry);
      prefill(entry);
    }
    if (this.#running.size === 0) return undefined;
    const { alphaMs, betaMs, gammaMs, deltaMs } = this.#parameters;
    const decodeMs = decoding > 0 ? alphaMs + betaMs * decoding : 0;
    const prefillMs = prefilledTokens > 0 ? gammaMs + deltaMs * prefilledTokens : 0;
    return { durationMs: decodeMs + prefillMs, decoding, prefilledTokens };
  }

  /** Ends the iteration that `begin` began. Tokens are in order of admission. */
  end(): readonly EmittedToken[] {
    this.#dropAborted();
    const tokens: EmittedToken[] = [];
    for (const entry of this.#running.values()) {
      entry.promptTokensLeft -= entry.chunk;
      // The iteration that reads the last prompt token also gives the first output token.
      const emits = entry.decodes || (entry.chunk > 0 && entry.promptTokensLeft === 0);
      entry.chunk = 0;
      entry.decodes = false;
      if (!emits) continue;
      entry.emitted++;
      const last = entry.emitted === entry.sequence.outputTokens;
      if (last) this.#running.delete(entry.sequence.id);
      tokens.push({ sequence: entry.sequence.id, index: entry.emitted, last });
    }
    return tokens;
  }

  #dropAborted(): void {
    for (const id of this.#aborted) this.#running.delete(id);
    this.#aborted.clear();
  }
}
