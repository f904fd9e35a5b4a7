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
    const { readingShare, metMs, metSquare } = betweenRequests(mix, arrivalsPerMs, load);
    const seenShare = queue.room * readingShare;
    const chain = 0.5 + load;
    const waitMs = seenShare * chain * metMs + backlogMs;
    const square = seenShare * (chain * chain + 1 / 12) * metSquare;
    const waitVariance = Math.max(0, square - (seenShare * chain * metMs) ** 2) + backlogVariance;
    return {
      decodeMs: 0,
      gapMs: 0,
      firstGapMs: 0,
      laterGapMs: 0,
      readingMs: metMs,
      readingShare: seenShare,
      boundaryMs: 0,
      waitMs,
      waitVariance,
      ownOverheadMs,
      budgetUse: use,
    };
  }

  const { mean, square, reads } = iterationMoments(mix, arrivalsPerMs, queue, load);
  const metMs = square / mean;
  const batchMs = readMs * (1 + arrivalsPerMs * metMs);
  // Of those read in the same iteration half come after the arrival's own; the budget lets fewer of them in.
  const behindMs = 0.5 * (batchMs - readMs);
  const cappedMs = lesser(behindMs, 0.5 * deltaMs * queue.budgetTokens, 1.5);
  const chainMs = metMs / 2 + load * metMs - (behindMs - cappedMs);
  const metVariance = Math.max(
    0,
    (reads > 0 ? thirdWithReading(mean, square, reads, queue) : mean ** 3) / mean - metMs * metMs,
  );
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
  const firstMs = lesser(excessMs, Math.max(fullMs - mean, 1e-9), 1.3);
  const ratio = excessMs > 0 ? Math.max(decay, 1 - (firstMs * (1 - decay)) / excessMs) : 0;
  const gapMs = mean + firstMs * overDecodes(mix, (kind) => meanDecay(kind, ratio));
  return {
    decodeMs,
    gapMs,
    firstGapMs: mean + firstMs,
    laterGapMs: mean,
    readingMs: reads > 0 ? (mean - decodeMs * (1 - reads)) / reads : overheadMs + readMs,
    readingShare: Math.max(0, 1 - (decodeMs * (1 - reads)) / mean),
    boundaryMs: decodeMs * (0.5 + load),
    waitMs: chainMs + backlogMs,
    waitVariance: chainVariance + backlogVariance,
    ownOverheadMs,
    budgetUse: use,
  };
}

interface MetIteration {
  /** Probability that an arrival finds prompts being read. */
  readonly readingShare: number;
  /** Mean and mean square of the length of that iteration. */
  readonly metMs: number;
  readonly metSquare: number;
}

/**
 * What an arrival meets while nothing decodes. With one token a request that is always so: iterations T = gamma + delta·i·a
 * follow each other, a is 1 after an idle time and else Poisson. With more, it is so until the first prompt is read.
 */
function betweenRequests(mix: RequestMix, arrivalsPerMs: number, load: number): MetIteration {
  const { gammaMs, deltaMs, meanPrompt } = mix;
  const readMs = deltaMs * meanPrompt;
  const leastMs = gammaMs + readMs;
  // Prompts that come while the first is read are read next, and so on.
  const firstMs = gammaMs / (1 - load) + readMs;
  const firstSquare = firstMs * firstMs + (mix.promptSquare - 1) * readMs * readMs;
  const first = Math.min(1, arrivalsPerMs * firstMs);
  let ends = 0;
  for (const { share, decodes, geometric } of mix.kinds) {
    if (geometric || decodes === 0) ends += share / (decodes + 1);
  }
  if (ends === 0) return { readingShare: first, metMs: firstMs, metSquare: firstSquare };

  let mean = leastMs;
  let square = leastMs * leastMs;
  const idle = falling((before) => {
    const prompts = (arrivalsPerMs * gammaMs + before) / (1 - load);
    mean = gammaMs + readMs * prompts;
    square =
      (gammaMs * gammaMs + (2 * gammaMs + readMs * mix.promptSquare) * readMs * prompts) / (1 - load * load);
    return exponentialMean(arrivalsPerMs, Math.min(leastMs, mean), mean, Math.max(square, mean * mean));
  });
  const always = (arrivalsPerMs * mean) / (arrivalsPerMs * mean + idle);
  const between = (some: number, all: number): number => some + ends * (all - some);
  const metMs = square / mean;
  return {
    readingShare: between(first, always),
    metMs: between(firstMs, metMs),
    metSquare: between(firstSquare, thirdMoment(mean, square, Math.min(leastMs, mean)) / mean),
  };
}

/**
 * Where a probability that falls as it is put in comes out again. Putting it in again and again leads there from 1 while
 * the fall is gentle, and to and fro for ever where it is steep, as it is under high load: there the middle is tried.
 */
function falling(next: (probability: number) => number): number {
  let value = 1;
  for (let step = 0; step < 200; step++) {
    const after = next(value);
    const change = Math.abs(after - value);
    value = after;
    if (change <= 1e-12) return value;
  }
  let low = 0;
  let high = 1;
  while (high - low > 1e-12) {
    value = (low + high) / 2;
    if (next(value) > value) low = value;
    else high = value;
  }
  return value;
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
    const idle = Math.exp(-arrivalsPerMs * decodeMs);
    const reading = readingMoments(mean, square, reads, queue);
    const none =
      reading === undefined
        ? idle
        : (1 - reads) * idle +
          reads * exponentialMean(arrivalsPerMs, overheadMs, reading.mean, reading.square);
    const next = Math.max(1 - none, Math.min(1, prompts * iterations));
    const change = Math.abs(next - reads);
    reads = next;
    if (change <= 1e-12 * next) break;
  }
  return { mean, square, reads };
}

/** Moments of the iterations that read prompts; nothing where there are hardly any. */
function readingMoments(
  mean: number,
  square: number,
  reads: number,
  { decodeMs }: PromptQueue,
): { readonly mean: number; readonly square: number } | undefined {
  if (reads <= 1e-12) return undefined;
  const readingMean = (mean - (1 - reads) * decodeMs) / reads;
  const readingSquare = (square - (1 - reads) * decodeMs * decodeMs) / reads;
  return { mean: readingMean, square: Math.max(readingSquare, readingMean * readingMean) };
}

function thirdWithReading(mean: number, square: number, reads: number, queue: PromptQueue): number {
  const reading = readingMoments(mean, square, reads, queue);
  if (reading === undefined) return mean ** 3;
  const least = Math.min(queue.overheadMs, reading.mean);
  return (1 - reads) * queue.decodeMs ** 3 + reads * thirdMoment(reading.mean, reading.square, least);
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
