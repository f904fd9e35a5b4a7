/**
 * What an arrival meets, and what a decoding request lives through, while n sequences decode. n changes slowly against
 * single iterations, so that for each n these form a process of their own.
 */
import type { RequestMix } from "./request-mix.ts";
import { chunkedPrompts } from "./chunked-prompts.ts";
import { wholePrompts } from "./whole-prompts.ts";

export interface IterationState {
  /** Decode part of an iteration, ms. */
  readonly decodeMs: number;
  /** Mean gap between tokens of the requests that decode; 0 where none do. */
  readonly gapMs: number;
  /** The first gap of a request, and those long after it. */
  readonly firstGapMs: number;
  readonly laterGapMs: number;
  /** Mean length of the iterations that read prompts. */
  readonly readingMs: number;
  /** Probability that an arrival finds prompts being read. */
  readonly readingShare: number;
  /** Mean wait of an arrival that finds none being read until the iteration that begins its prompt. */
  readonly boundaryMs: number;
  /** Mean of all that an arrival waits for besides its own prompt, over all arrivals. */
  readonly waitMs: number;
  readonly waitVariance: number;
  /** What each iteration that reads a request's own prompt takes besides its tokens. */
  readonly ownOverheadMs: number;
  /** Share of its capacity at which prompts use the token budget. */
  readonly budgetUse: number;
}

/** What is looked at, with what is known of the replica as a whole. */
export interface IterationSetting {
  readonly arrivalsPerMs: number;
  /** Sequences that decode. */
  readonly decoding: number;
  /** Their mean over time. */
  readonly meanDecoding: number;
}

/** The token budget as prompts share it while n sequences decode. */
export interface PromptQueue {
  readonly decodeMs: number;
  /** Decode part and gamma. */
  readonly overheadMs: number;
  /** Tokens of an iteration that are left for prompts. */
  readonly budgetTokens: number;
  /** Iterations of the whole budget that a mean prompt takes. */
  readonly iterations: number;
  /** Iterations that a prompt takes by itself, on average over the kinds of requests. */
  readonly wholeIterations: number;
  /** An iteration that uses the whole budget. */
  readonly fullMs: number;
  /** Share of its capacity at which prompts use the budget, below 1. */
  readonly use: number;
  /** Share of the wait for other prompts that is left as there are only so many slots for them. */
  readonly room: number;
  /** As the queue sees them: between those of this n and of the mean n, as it takes time to settle. */
  readonly settled: {
    readonly overheadMs: number;
    /** A mean prompt, read back to back with others. */
    readonly promptMs: number;
  };
}

export function iterationState(mix: RequestMix, setting: IterationSetting): IterationState {
  const queue = promptQueue(mix, setting);
  return queue.iterations < 1 ? wholePrompts(mix, setting, queue) : chunkedPrompts(mix, setting, queue);
}

/** Nearer to its capacity no queue is looked at; beyond it times have no mean. */
const mostUse = 0.999;
/** Decodes that take no time at all would give iterations of no length. */
const leastDecodeMs = 1e-9;

/** Decode part of an iteration. */
export function decodeMillis({ alphaMs, betaMs }: RequestMix, decoding: number): number {
  return decoding > 0 ? Math.max(alphaMs * Math.min(1, decoding) + betaMs * decoding, leastDecodeMs) : 0;
}

function promptQueue(
  mix: RequestMix,
  { arrivalsPerMs, decoding, meanDecoding }: IterationSetting,
): PromptQueue {
  const { gammaMs, deltaMs, meanPrompt, meanDecodes, slots } = mix;
  const decodeMs = decodeMillis(mix, decoding);
  const overheadMs = decodeMs + gammaMs;
  const budgetTokens = Math.max(1, mix.budgetTokens - decoding);
  const iterations = meanPrompt / budgetTokens;
  const promptMs = meanPrompt * deltaMs + iterations * overheadMs;

  // The same for the mean n. Prompts come one after the other, so that at most 1 + d/w of them decode at once.
  const meanBudget = Math.max(1, mix.budgetTokens - meanDecoding);
  const meanIterations = meanPrompt / meanBudget;
  const atOnce = 1 + meanDecodes / meanIterations;
  const decodes = 1 - (1 - Math.min(1, meanDecoding / atOnce)) ** atOnce;
  const meanOverhead = decodes * mix.alphaMs + mix.betaMs * meanDecoding + gammaMs;
  const meanPromptMs = meanPrompt * deltaMs + meanIterations * meanOverhead;
  const meanUse = Math.min(arrivalsPerMs * meanPromptMs, mostUse);

  // A queue near its capacity settles within S/(1-rho)², n within the d iterations that a request decodes.
  const settlingMs = (meanPromptMs * Math.max(1, meanIterations)) / (1 - meanUse) ** 2;
  const decodingMs = meanDecodes * decodeMs;
  const followed = decodingMs > 0 ? decodingMs / (decodingMs + settlingMs) : 0;
  const between = (mean: number, here: number): number => mean + followed * (here - mean);
  const use = Math.max(0, Math.min(between(meanUse, arrivalsPerMs * promptMs), 0.5 * (1 + meanUse)));
  return {
    decodeMs,
    overheadMs,
    budgetTokens,
    iterations,
    wholeIterations: mix.kinds.reduce(
      (sum, { share, prompt }) => sum + share * Math.ceil(prompt / budgetTokens),
      0,
    ),
    fullMs: overheadMs + deltaMs * budgetTokens,
    use,
    room: queueRoom(use, Math.max(1, slots - decoding)),
    settled: {
      overheadMs: between(meanOverhead, overheadMs),
      promptMs: between(meanPromptMs, promptMs),
    },
  };
}

/** Share of the mean queue of constant service times, geometric with ratio rho/(2-rho), that stays within the slots. */
function queueRoom(use: number, slots: number): number {
  const ratio = use / (2 - use);
  const beyond = ratio ** (slots - 1);
  return Math.max(0, 1 - (slots * beyond * (1 - ratio)) / (1 - beyond * ratio));
}
