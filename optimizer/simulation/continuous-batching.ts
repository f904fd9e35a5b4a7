import type { PerformanceProfile } from "../profiles/performance-profile.ts";

/** The four parameters of the time that an iteration takes. */
export type IterationParameters = Pick<PerformanceProfile, "alphaMs" | "betaMs" | "gammaMs" | "deltaMs">;

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
  readonly parameters: IterationParameters;
  /** Sequences in the engine at once, at least 1. */
  readonly maxBatchSize: number;
  /**
   * Tokens one iteration processes, at least 1: one for each decoding sequence, the rest is filled with prompt chunks.
   * @default 8192, what engines on data-centre GPUs come with
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
  readonly durationMillis: number;
  /** Sequences that decode. */
  readonly decoding: number;
  /** Prompt tokens prefilled, over all sequences. */
  readonly prefilledTokens: number;
  /**
   * Iterations in a row, this one included, that are all alike as long as nothing arrives and nothing is aborted, at
   * least 1. {@link ContinuousBatch.end} takes any number of them at once.
   */
  readonly alike: number;
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
 *
 * An iteration takes `(alpha + beta·n if n > 0) + (gamma + delta·p if p > 0)` ms for n decoding sequences and p prompt
 * tokens. The emulator runs it in real time, the simulation in virtual time.
 */
export class ContinuousBatch {
  readonly #parameters: IterationParameters;
  readonly #maxBatchSize: number;
  readonly #maxBatchedTokens: number;
  readonly #maxWaiting: number;
  /** In order of arrival. */
  readonly #waiting = new Map<number, Sequence>();
  /** In order of admission. */
  readonly #running = new Map<number, RunningSequence>();
  readonly #aborted = new Set<number>();

  /** Throws a RangeError where a bound is below 1, as such an engine would never serve anything. */
  constructor(settings: ContinuousBatchSettings) {
    this.#parameters = settings.parameters;
    this.#maxBatchSize = settings.maxBatchSize;
    this.#maxBatchedTokens = settings.maxBatchedTokens ?? 8_192;
    this.#maxWaiting = settings.maxWaiting ?? 10 * settings.maxBatchSize;
    if (!(this.#maxBatchSize >= 1 && this.#maxBatchedTokens >= 1)) {
      throw new RangeError(
        `maxBatchSize ${this.#maxBatchSize} and maxBatchedTokens ${this.#maxBatchedTokens} must be at least 1`,
      );
    }
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
    let fewestTokensLeft = Number.POSITIVE_INFINITY;
    for (const entry of this.#running.values()) {
      entry.decodes = entry.promptTokensLeft === 0;
      if (!entry.decodes) continue;
      decoding++;
      fewestTokensLeft = Math.min(fewestTokensLeft, entry.sequence.outputTokens - entry.emitted);
    }
    const prefilledTokens = this.#prefill(Math.max(0, this.#maxBatchedTokens - decoding));
    if (this.#running.size === 0) return undefined;
    const { alphaMs, betaMs, gammaMs, deltaMs } = this.#parameters;
    const decodeMillis = decoding > 0 ? alphaMs + betaMs * decoding : 0;
    const prefillMillis = prefilledTokens > 0 ? gammaMs + deltaMs * prefilledTokens : 0;
    // Where no prompt could be read now, none can be until a sequence leaves and frees its place and its token.
    const alike = prefilledTokens === 0 ? fewestTokensLeft : 1;
    return { durationMillis: decodeMillis + prefillMillis, decoding, prefilledTokens, alike };
  }

  /**
   * Ends the iteration that `begin` began and those that follow it alike, `count` in all.
   *
   * @param count 1…`alike` of the iteration. Default 1.
   * @returns the tokens that the last of them emitted, in order of admission.
   */
  end(count = 1): readonly EmittedToken[] {
    this.#dropAborted();
    const tokens: EmittedToken[] = [];
    for (const entry of this.#running.values()) {
      entry.promptTokensLeft -= entry.chunk;
      // The iteration that reads the last prompt token also gives the first output token.
      const emits = entry.decodes || (entry.chunk > 0 && entry.promptTokensLeft === 0);
      entry.chunk = 0;
      entry.decodes = false;
      if (!emits) continue;
      entry.emitted += count;
      const last = entry.emitted === entry.sequence.outputTokens;
      if (last) this.#running.delete(entry.sequence.id);
      tokens.push({ sequence: entry.sequence.id, index: entry.emitted, last });
    }
    return tokens;
  }

  /** Hands out the token budget in order of arrival; gives the prompt tokens that are read. */
  #prefill(budget: number): number {
    let left = budget;
    const read = (entry: RunningSequence): void => {
      entry.chunk = Math.min(left, entry.promptTokensLeft);
      left -= entry.chunk;
    };
    // Prompts that are half read come first: they arrived before everything that still waits.
    for (const entry of this.#running.values()) read(entry);
    for (const sequence of this.#waiting.values()) {
      if (left === 0 || this.#running.size >= this.#maxBatchSize) break;
      this.#waiting.delete(sequence.id);
      const { promptTokens } = sequence;
      const entry = { sequence, promptTokensLeft: promptTokens, emitted: 0, chunk: 0, decodes: false };
      this.#running.set(sequence.id, entry);
      read(entry);
    }
    return budget - left;
  }

  #dropAborted(): void {
    if (this.#aborted.size === 0) return;
    for (const id of this.#aborted) this.#running.delete(id);
    this.#aborted.clear();
  }
}
