/**
 * Prompts of which an iteration takes one or more whole.
 *
 * With D the decode part, h = D + gamma, and a ~ Poisson(lambda·T') prompts that came during the iteration before,
 *   T = D + 1{a > 0}·gamma + delta·i·a,
 * whose first two moments solve linear equations once P(a > 0) = 1 - E exp(-lambda·T) is known; that expectation is taken
 * of a gamma distribution with these moments. An arrival falls into an iteration with probability in proportion to its
 * length T, so that it waits for E T²/2E T, and its own prompt is read together with those that came in the same iteration.
 *
 * The token budget changes that in two ways. Prompts finish before the end of what would be one long iteration; and as
 * each full iteration takes h besides its tokens, a queue builds up where lambda·(h + delta·c) nears c/i prompts.
 */
import { queueExponent } from "./closed-engine.ts";
import { meanDecay, overDecodes } from "./decode-gaps.ts";
import type { IterationSetting, IterationState, PromptQueue } from "./iteration-state.ts";
import type { RequestMix } from "./request-mix.ts";

export function wholePrompts(
  mix: RequestMix,
  { arrivalsPerMs, decoding }: IterationSetting,
  queue: PromptQueue,
): IterationState {
  const { deltaMs, gammaMs, meanPrompt } = mix;
  const { decodeMs, overheadMs, fullMs, use } = queue;
  const readMs = deltaMs * meanPrompt;
  const load = Math.min(arrivalsPerMs * readMs, 0.999);
  const perIteration = 1 / queue.iterations;
  const backlogMs =
    queue.room * fullMs * Math.max(0, backlog(perIteration, use) - backlog(perIteration, load));
  const waits = Math.max(use ** queueExponent(perIteration), 1e-6);
  const backlogVariance = backlogMs * backlogMs * (2 / waits - 1);
  const ownOverheadMs = overheadMs;
  if (decoding === 0) {
    // Nothing decodes between prompts: an arrival waits only where others are being read.
    const readingMs = gammaMs / (1 - load) + readMs;
    const readingShare = queue.room * Math.min(1, arrivalsPerMs * readingMs);
    const metMs = readingMs * (0.5 + load);
    const waitMs = readingShare * metMs + backlogMs;
    const waitVariance = readingShare * metMs * metMs * (4 / 3 - readingShare) + backlogVariance;
    const shared = { decodeMs: 0, gapMs: 0, boundaryMs: 0, ownOverheadMs, budgetUse: use };
    return { ...shared, readingMs, readingShare, waitMs, waitVariance };
  }

  const { mean, square, reads } = iterationMoments(mix, arrivalsPerMs, queue, load);
  const metMs = square / mean;
  const batchMs = readMs * (1 + arrivalsPerMs * metMs);
  const cappedMs = lesser(batchMs, deltaMs * queue.budgetTokens, 3);
  const chainMs = metMs / 2 + load * metMs - 0.5 * (batchMs - cappedMs);
  const metVariance = Math.max(0, thirdMoment(mean, square, decodeMs) / mean - metMs * metMs);
  const uncapped = chainMs / ((0.5 + load) * metMs);
  const chainVariance =
    uncapped * uncapped * (0.5 + load) ** 2 * metVariance +
    (metVariance + metMs * metMs) / 12 +
    deltaMs * readMs * meanPrompt * mix.promptSquare * arrivalsPerMs * metMs;

  // A request decodes right after an iteration of length h + batch, during which others came: the next ones are long too.
  const next = (afterMs: number): number =>
    decodeMs + gammaMs * (1 - Math.exp(-arrivalsPerMs * afterMs)) + load * afterMs;
  const ownMs = overheadMs + batchMs;
  const decay = ownMs > mean ? Math.max(0, Math.min(0.9999, (next(ownMs) - next(mean)) / (ownMs - mean))) : 0;
  const excessMs = Math.max(0, next(ownMs) - mean) + backlogMs;
  const firstMs = lesser(excessMs, Math.max(fullMs - mean, 1e-9), 2);
  const ratio = excessMs > 0 ? Math.max(decay, 1 - (firstMs * (1 - decay)) / excessMs) : 0;
  const gapMs = mean + firstMs * overDecodes(mix, (kind) => meanDecay(kind, ratio));
  return {
    decodeMs,
    gapMs,
    readingMs: reads > 0 ? (mean - decodeMs * (1 - reads)) / reads : overheadMs + readMs,
    readingShare: Math.max(0, 1 - (decodeMs * (1 - reads)) / mean),
    boundaryMs: decodeMs * (0.5 + load),
    waitMs: chainMs + backlogMs,
    waitVariance: chainVariance + backlogVariance,
    ownOverheadMs,
    budgetUse: use,
  };
}

/** Mean iterations that prompts queue for, with constant service times: half the wait of exponential ones. */
function backlog(promptsPerIteration: number, use: number): number {
  return (0.5 * use ** queueExponent(promptsPerIteration)) / (promptsPerIteration * (1 - use));
}

/** A smooth minimum, the smoother the smaller the power. */
function lesser(left: number, right: number, power: number): number {
  return left <= 0 || right <= 0 ? 0 : (left ** -power + right ** -power) ** (-1 / power);
}

interface Moments {
  readonly mean: number;
  readonly square: number;
  /** Share of the iterations that read prompts. */
  readonly reads: number;
}

function iterationMoments(mix: RequestMix, arrivalsPerMs: number, queue: PromptQueue, load: number): Moments {
  const { decodeMs, overheadMs, iterations } = queue;
  const { gammaMs, meanPrompt, deltaMs } = mix;
  const readMs = deltaMs * meanPrompt;
  let reads = 0;
  let mean = decodeMs;
  let square = decodeMs * decodeMs;
  for (let step = 0; step < 200; step++) {
    mean = (decodeMs + gammaMs * reads) / (1 - load);
    const prompts = arrivalsPerMs * mean;
    square =
      (decodeMs * decodeMs +
        (2 * decodeMs + gammaMs) * gammaMs * reads +
        2 * overheadMs * readMs * prompts +
        readMs * readMs * mix.promptSquare * prompts) /
      (1 - load * load);
    const none = exponentialMean(arrivalsPerMs, decodeMs, mean, square);
    const next = Math.max(1 - none, Math.min(1, prompts * iterations));
    const change = Math.abs(next - reads);
    reads = next;
    if (change <= 1e-12 * next) break;
  }
  return { mean, square, reads };
}

/** E exp(-rate·T) where T - least has a gamma distribution with the moments of T. */
function exponentialMean(rate: number, least: number, mean: number, square: number): number {
  const over = mean - least;
  const variance = Math.max(square - mean * mean, 1e-12 * mean * mean);
  if (over <= 1e-12 * mean) return Math.exp(-rate * least);
  return Math.exp(-rate * least - ((over * over) / variance) * Math.log1p((rate * variance) / over));
}

/** E T³ where T - least has a gamma distribution with the moments of T. */
function thirdMoment(mean: number, square: number, least: number): number {
  const over = mean - least;
  const overSquare = Math.max(square - 2 * least * mean + least * least, over * over);
  const spread = over > 0 ? overSquare / (over * over) - 1 : 0;
  return (
    least ** 3 +
    3 * least * least * over +
    3 * least * overSquare +
    over ** 3 * (1 + spread) * (1 + 2 * spread)
  );
}
