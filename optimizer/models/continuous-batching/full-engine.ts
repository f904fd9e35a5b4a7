/** The engine with all slots taken, as requests meet it that arrive then. */
import type { ClosedEngine } from "./closed-engine.ts";
import { iterationsTaken, ownPromptMs, type OwnPrompt } from "./own-prompt.ts";
import type { EngineRates } from "./occupancy.ts";

/** How a prompt is read that begins as a slot becomes free: it does not decode, so that it has only the others for company. */
export function promptWhenFull({ mix, full }: EngineRates, budgetUse: number): OwnPrompt {
  const { slots } = mix;
  const decoding = full.perIteration * mix.meanDecodes;
  const othersDecode = 1 - (1 - decoding / slots) ** (slots - 1);
  return {
    ownOverheadMs: mix.gammaMs + mix.alphaMs * othersDecode + (mix.betaMs * decoding * (slots - 1)) / slots,
    budgetUse,
    budgetTokens: Math.max(1, mix.budgetTokens - decoding),
  };
}

/** Gap between tokens while all slots are taken: a request holds its slot for N/x ms, and reads its prompt in part of it. */
export function gapWhenFull({ mix, full }: EngineRates, own: OwnPrompt): number {
  const { alphaMs, betaMs, meanDecodes, meanPrompt, slots } = mix;
  if (meanDecodes === 0) return 0;
  const gapMs = (slots / full.perMs - ownPromptMs(mix, meanPrompt, own)) / meanDecodes;
  return Math.max(alphaMs + betaMs, gapMs);
}

/**
 * Slots become free only as iterations end, b of them each time: with a geometric number j of requests ahead, the wait
 * is for the end of the current iteration and j/b whole ones after it. Where less than one becomes free each time, that is
 * the wait for each to become free.
 */
function iterationEnds({ perIteration, perMs, iterationMs }: ClosedEngine, slotMs: number): number {
  if (perIteration <= 1) return slotMs;
  const ahead = Math.max(perMs * slotMs - 0.5, 1e-9);
  const none = perIteration * Math.log1p(1 / ahead);
  return iterationMs * (0.5 + 1 / Math.expm1(none));
}

/**
 * Beyond its slots the engine is a queue of N servers. Its wait is that of exponential times, 1/(mu-lambda) for those who
 * wait, times c² + (1-c²)·(that of constant times, by Cosmetatos), c² of the time that a request holds its slot. Where
 * prompts queue for the token budget, those that have their slot wait on.
 */
export function slotWait(
  { mix, full }: EngineRates,
  arrivalsPerMs: number,
  own: OwnPrompt,
): { readonly waitMs: number; readonly waitVariance: number } {
  const { slots, meanDecodes, meanPrompt } = mix;
  let decodeSquare = 0;
  for (const { share, decodes, geometric } of mix.kinds) {
    decodeSquare += share * (decodes * decodes + (geometric ? decodes * (decodes + 1) : 0));
  }
  const decodeVariation = meanDecodes > 0 ? decodeSquare / meanDecodes ** 2 - 1 : 0;
  const decodePart = full.decodeShare;
  const variation = decodePart ** 2 * decodeVariation + (1 - decodePart) ** 2 * (mix.promptSquare - 1);
  // An empty engine's slots never block; the least use stands for it, as its square root would not.
  const use = Math.max(arrivalsPerMs / full.perMs, 1e-12);
  const constant =
    0.5 * (1 + ((1 - use) * (slots - 1) * (Math.sqrt(4 + 5 * slots) - 2)) / (16 * use * slots));
  const factor = variation < 1 ? variation + (1 - variation) * Math.min(1, constant) : (1 + variation) / 2;
  const slotMs = factor / (full.perMs * (1 - use));
  const endsMs = iterationEnds(full, slotMs);
  const iterations = meanPrompt / own.budgetTokens;
  const taken = iterationsTaken(meanPrompt, own);
  const queuedMs = Math.max(0, slots - full.perIteration * (meanDecodes + taken)) / full.perMs;
  // Those whose slots become free in the same iteration are read together.
  const together = iterations < 1 ? (mix.deltaMs * meanPrompt * (slots - 1)) / (meanDecodes + 1) : 0;
  const togetherMs = Math.max(0, Math.min(together, mix.deltaMs * (own.budgetTokens - meanPrompt)));
  // As in M/G/1: among those who wait it is uniform where times are constant and the load is low, else nearly exponential.
  const everyMs = 1 / full.perMs;
  const square = 2 * use * endsMs * endsMs + (everyMs * everyMs * (1 + 5 * variation)) / (3 * (1 - use));
  return {
    waitMs: endsMs + queuedMs + togetherMs,
    waitVariance: Math.max(square - endsMs * endsMs, (endsMs * endsMs) / 3) + (queuedMs * queuedMs) / 2,
  };
}
