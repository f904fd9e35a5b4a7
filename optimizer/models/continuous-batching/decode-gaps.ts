/** How what a request meets right after its first token wears off over its decode iterations. */
import type { RequestKind, RequestMix } from "./request-mix.ts";

/**
 * Mean over the decode iterations j = 0, 1 … of one kind of request of ratio^j.
 *
 * A geometric number of iterations goes on with probability s = d/(d+1) each time, so that the weights of the
 * iterations are (1-s)·s^j.
 */
export function meanDecay(
  { decodes, geometric }: Pick<RequestKind, "decodes" | "geometric">,
  ratio: number,
): number {
  if (geometric) {
    const stays = decodes / (decodes + 1);
    return (1 - stays) / (1 - stays * ratio);
  }
  return ratio > 1 - 1e-9 ? 1 : (1 - ratio ** decodes) / (decodes * (1 - ratio));
}

/** Prompts that are read one after the other, each over several iterations. */
export interface PromptBlocks {
  /** Iterations left of the first when the request begins to decode. */
  readonly firstIterations: number;
  readonly iterations: number;
  /** Probability that another prompt follows the first, and each later one. */
  readonly firstFollowed: number;
  readonly followed: number;
  /** There are no slots for more. */
  readonly most: number;
}

/** Mean share of the decode iterations of one kind of request that fall into the blocks. */
export function meanInBlocks(
  { decodes, geometric }: Pick<RequestKind, "decodes" | "geometric">,
  { firstIterations, iterations, firstFollowed, followed, most }: PromptBlocks,
): number {
  if (most <= 0) return 0;
  if (geometric) {
    const stays = decodes / (decodes + 1);
    const afterFirst = stays ** firstIterations;
    const within = stays ** iterations;
    const goesOn = followed * within;
    const later = (1 - within) * (goesOn < 1 ? (1 - goesOn ** (most - 1)) / (1 - goesOn) : most - 1);
    return 1 - afterFirst + afterFirst * firstFollowed * later;
  }
  const left = Math.max(0, decodes - firstIterations);
  const whole = Math.min(Math.floor(left / iterations), most - 1);
  const wholeBlocks = followed < 1 ? (1 - followed ** whole) / (1 - followed) : whole;
  const rest = whole < most - 1 ? followed ** whole * (left - whole * iterations) : 0;
  return (Math.min(decodes, firstIterations) + firstFollowed * (iterations * wholeBlocks + rest)) / decodes;
}

/** The mean over all decode iterations of the replica's requests. */
export function overDecodes(mix: RequestMix, meanOf: (kind: RequestKind) => number): number {
  let sum = 0;
  for (const kind of mix.kinds) {
    if (kind.decodes > 0) sum += kind.share * kind.decodes * meanOf(kind);
  }
  return mix.meanDecodes > 0 ? sum / mix.meanDecodes : 0;
}
