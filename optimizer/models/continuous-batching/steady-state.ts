/**
 * The replica in equilibrium at one rate of arrivals: what they find, as weights of the points of a grid of numbers of
 * decoding sequences, and what they wait for where all slots are taken.
 */
import { certain } from "../../certain.ts";
import { decodeMillis, iterationState, type IterationState } from "./iteration-state.ts";
import { occupancy, type EngineRates } from "./occupancy.ts";
import type { StateGrid } from "./state-grid.ts";
import type { RequestKind, RequestMix } from "./request-mix.ts";

export interface SteadyState {
  /** Relative weights of the grid's points as arrivals with a free slot find them. */
  readonly found: Float64Array;
  /** The same as decoding requests meet them, themselves included. */
  readonly met: Float64Array;
  readonly stateAt: (point: number) => IterationState;
  /** Gap between tokens at a point, with slots taken into account. */
  readonly gapAt: (point: number) => number;
  readonly blocked: BlockedArrivals;
  readonly meanGapMs: number;
}

/** Arrivals that find all slots taken. */
export interface BlockedArrivals {
  readonly weight: number;
  readonly gapMs: number;
  /** Mean and variance of the time until a slot is free and the prompts before are read. */
  readonly waitMs: number;
  readonly waitVariance: number;
  readonly ownOverheadMs: number;
  readonly budgetUse: number;
  readonly budgetTokens: number;
}

/** What one round of the solution takes from the one before. */
interface Estimate {
  readonly meanDecoding: number;
  /** Sequences that decode while a prompt is read, over those that decode at any time: a slot is not both. */
  readonly seenPrompts: number;
}

/** The first estimate is near enough that the second round changes little and a third nothing that counts. */
const rounds = 2;

export function steadyState(rates: EngineRates, grid: StateGrid, arrivalsPerMs: number): SteadyState {
  let estimate = firstEstimate(rates.mix, arrivalsPerMs);
  for (let round = 1; ; round++) {
    const { state, next } = solve(rates, grid, arrivalsPerMs, estimate);
    if (round === rounds) return state;
    estimate = next;
  }
}

/** Most sequences that decode at once: their budget would be used by prompts. */
function mostDecoding({ slots, meanDecodes, budgetTokens, meanPrompt }: RequestMix): number {
  return Math.min(slots, (meanDecodes * budgetTokens) / (meanPrompt + meanDecodes));
}

/** n = lambda·d·T(n) with the mean iteration T(n). */
function firstEstimate(mix: RequestMix, arrivalsPerMs: number): Estimate {
  const free = Math.max(1e-6, 1 - arrivalsPerMs * mix.deltaMs * mix.meanPrompt);
  let low = 0;
  let high = mostDecoding(mix);
  for (let step = 0; step < 40; step++) {
    const n = (low + high) / 2;
    const decodeMs = decodeMillis(mix, n);
    const iterationMs = (decodeMs - mix.gammaMs * Math.expm1(-arrivalsPerMs * decodeMs)) / free;
    if (arrivalsPerMs * mix.meanDecodes * iterationMs > n) low = n;
    else high = n;
  }
  return { meanDecoding: (low + high) / 2, seenPrompts: 1 };
}

function solve(
  rates: EngineRates,
  grid: StateGrid,
  arrivalsPerMs: number,
  { meanDecoding, seenPrompts }: Estimate,
): { readonly state: SteadyState; readonly next: Estimate } {
  const { mix, full } = rates;
  const { slots, meanDecodes, gammaMs, deltaMs, meanPrompt } = mix;
  const states: (IterationState | undefined)[] = [];
  const stateAt = (point: number): IterationState =>
    (states[point] ??= iterationState(mix, {
      arrivalsPerMs,
      meanDecoding,
      decoding: certain(grid.points[point]),
    }));
  const ownMs = ({ prompt }: Pick<RequestKind, "prompt">, of: OwnPrompt): number =>
    ownPromptMs(mix, prompt, of);

  // No gap is longer than where requests always wait, and none shorter than of one request alone.
  const fullDecoding = full.perIteration * meanDecodes;
  const fullPoint = grid.indexBelow(meanDecodes > 0 ? Math.max(1, fullDecoding) : 0);
  const fullState = stateAt(fullPoint);
  // The one whose prompt is read does not decode; it has only the others for company.
  const othersDecode = 1 - (1 - fullDecoding / slots) ** (slots - 1);
  const fullOwn = {
    ownOverheadMs: gammaMs + mix.alphaMs * othersDecode + (mix.betaMs * fullDecoding * (slots - 1)) / slots,
    budgetUse: fullState.budgetUse,
    budgetTokens: Math.max(1, mix.budgetTokens - fullDecoding),
  };
  const longestGapMs = gapWhenFull(rates, fullOwn);
  const gapAt = (point: number): number => {
    const { decodeMs, gapMs } = stateAt(point);
    return gapMs > 0 ? Math.min(decodeMs / (1 - seenPrompts * (1 - decodeMs / gapMs)), longestGapMs) : 0;
  };

  const most = mostDecoding(mix);
  const { weights, first, blocked: blockedWeight } = occupancy(rates, arrivalsPerMs, meanDecoding);
  const found = new Float64Array(grid.points.length);
  const met = new Float64Array(grid.points.length);
  let total = 0;
  let seen = 0;
  let decoding = 0;
  let decodeShare = 0.5;
  // Those found in their prompts decode when the arrival's is read, unless they are done by then.
  const stays = meanDecodes / (meanDecodes + Math.max(1, meanPrompt / mix.budgetTokens));
  for (let index = first === 0 ? 0 : -3; index < weights.length; index++) {
    // Before the first state that counts, some rounds find the share of their time that requests decode there.
    const m = first + Math.max(index, 0);
    const weight = index < 0 ? 0 : certain(weights[index]);
    const others = Math.min(m * decodeShare, most);
    const noneDecodes = m === 0 || meanDecodes === 0 ? 1 : (1 - decodeShare) ** m;
    const decodes = noneDecodes < 1 ? Math.min(Math.max(1, others / (1 - noneDecodes)), Math.max(1, m)) : 1;
    found[0] = certain(found[0]) + weight * noneDecodes;
    if (noneDecodes < 1) grid.add(found, decodes, weight * (1 - noneDecodes));
    total += weight;
    seen += weight * Math.min(m * (decodeShare + (1 - decodeShare) * stays), most);
    decoding += weight * others;
    if (meanDecodes === 0) continue;
    const withOwn = Math.min(slots, Math.max(1, Math.min(most, 1 + others)));
    grid.add(met, withOwn, weight);
    const decodesMs = meanDecodes * grid.interpolate(gapAt, withOwn);
    const point = grid.indexBelow(withOwn);
    const state = stateAt(point);
    const withOthers =
      ownMs(
        { prompt: meanPrompt },
        { ...state, budgetTokens: mix.budgetTokens - certain(grid.points[point]) },
      ) +
      state.decodeMs / 2;
    const promptMs = noneDecodes * (gammaMs + deltaMs * meanPrompt) + (1 - noneDecodes) * withOthers;
    decodeShare = decodesMs / (decodesMs + promptMs);
  }

  const lastDecoding = meanDecodes > 0 ? Math.max(1, Math.min(slots * decodeShare, most)) : 0;
  const gapMs = grid.interpolate(gapAt, lastDecoding);
  const blocked = {
    weight: blockedWeight,
    gapMs,
    ...slotWait(rates, arrivalsPerMs, fullOwn),
    ...fullOwn,
  };
  seen += blockedWeight * Math.min((slots - 1) * (decodeShare + (1 - decodeShare) * stays), most);
  decoding += blockedWeight * Math.min(slots * decodeShare, most);
  total += blockedWeight;
  let gapSum = blockedWeight * gapMs;
  for (let point = 0; point < met.length; point++) {
    if (certain(met[point]) > 0) gapSum += certain(met[point]) * gapAt(point);
  }
  const meanGapMs = meanDecodes > 0 ? gapSum / total : 0;
  return {
    state: { found, met, stateAt, gapAt, blocked, meanGapMs },
    next: {
      meanDecoding: Math.min(most, arrivalsPerMs * meanDecodes * meanGapMs),
      seenPrompts: decoding > 0 ? Math.min(1, seen / decoding) : 1,
    },
  };
}

/** How a request's own prompt is read. */
export interface OwnPrompt {
  readonly ownOverheadMs: number;
  readonly budgetUse: number;
  readonly budgetTokens: number;
}

/** From the iteration that begins a prompt to the one that finishes it. Prompts in a row share their iterations. */
export function ownPromptMs({ deltaMs }: RequestMix, prompt: number, of: OwnPrompt): number {
  return iterationsTaken(prompt, of) * of.ownOverheadMs + deltaMs * prompt;
}

function iterationsTaken(prompt: number, { budgetTokens, budgetUse }: OwnPrompt): number {
  const iterations = prompt / Math.max(1, budgetTokens);
  return iterations <= 1 ? 1 : budgetUse * iterations + (1 - budgetUse) * Math.ceil(iterations);
}

/** Gap between tokens while all slots are taken: a request holds its slot for N/x ms, and reads its prompt in part of it. */
function gapWhenFull({ mix, full }: EngineRates, fullOwn: OwnPrompt): number {
  const { alphaMs, betaMs, meanDecodes, meanPrompt, slots } = mix;
  if (meanDecodes === 0) return 0;
  const gapMs = (slots / full.perMs - ownPromptMs(mix, meanPrompt, fullOwn)) / meanDecodes;
  return Math.max(alphaMs + betaMs, gapMs);
}

/**
 * Beyond its slots the engine is a queue of N servers. Its wait is that of exponential times, 1/(mu-lambda) for those who
 * wait, times c² + (1-c²)·(that of constant times, by Cosmetatos), c² of the time that a request holds its slot. Where
 * prompts queue for the token budget, those that have their slot wait on.
 */
function slotWait(
  { mix, full }: EngineRates,
  arrivalsPerMs: number,
  fullOwn: OwnPrompt,
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
  const slotMs = use < 1 ? factor / (full.perMs * (1 - use)) : Number.POSITIVE_INFINITY;
  const iterations = meanPrompt / fullOwn.budgetTokens;
  const taken = iterationsTaken(meanPrompt, fullOwn);
  const queuedMs = Math.max(0, slots - full.perIteration * (meanDecodes + taken)) / full.perMs;
  // Those whose slots become free in the same iteration are read together.
  const together = iterations < 1 ? (mix.deltaMs * meanPrompt * (slots - 1)) / (meanDecodes + 1) : 0;
  const togetherMs = Math.max(0, Math.min(together, mix.deltaMs * (fullOwn.budgetTokens - meanPrompt)));
  // As in M/G/1: among those who wait it is uniform where times are constant and the load is low, else nearly exponential.
  const everyMs = 1 / full.perMs;
  const square = 2 * use * slotMs * slotMs + (everyMs * everyMs * (1 + 5 * variation)) / (3 * (1 - use));
  return {
    waitMs: slotMs + queuedMs + togetherMs,
    waitVariance: Math.max(square - slotMs * slotMs, (slotMs * slotMs) / 3) + (queuedMs * queuedMs) / 2,
  };
}
