/**
 * The replica in equilibrium at one rate of arrivals: what they find, as weights of the points of a grid of numbers of
 * decoding sequences, and what they wait for where all slots are taken.
 */
import { certain } from "../../certain.ts";
import { decodeMillis, iterationState, type IterationState } from "./iteration-state.ts";
import { occupancy, type EngineRates } from "./occupancy.ts";
import { fewSlotsGapMs } from "./few-slots.ts";
import type { StateGrid } from "./state-grid.ts";
import type { RequestMix } from "./request-mix.ts";
import { gapWhenFull, promptWhenFull, slotWait } from "./full-engine.ts";
import { ownPromptMs, type OwnPrompt } from "./own-prompt.ts";

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
export interface BlockedArrivals extends OwnPrompt {
  readonly weight: number;
  readonly gapMs: number;
  /** Mean and variance of the time until a slot is free and the prompts before are read. */
  readonly waitMs: number;
  readonly waitVariance: number;
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
    if (round === rounds) return withFewSlots(rates, grid, arrivalsPerMs, state);
    estimate = next;
  }
}

/** With few slots the mean gap is known better than from averages; those of the states then keep their proportions. */
function withFewSlots(
  { few, fewer }: EngineRates,
  grid: StateGrid,
  arrivalsPerMs: number,
  state: SteadyState,
): SteadyState {
  const { blocked } = state;
  if (state.meanGapMs === 0) return state;
  let meanGapMs = state.meanGapMs;
  if (few !== undefined) {
    meanGapMs = fewSlotsGapMs(few, arrivalsPerMs, arrivalsPerMs * blocked.waitMs);
  } else if (fewer !== undefined) {
    const beyond = shareBeyond(grid, state, fewer.mix.slots - 1);
    const trust = Math.max(0, 1 - beyond / mostBeyond);
    if (trust > 0) meanGapMs += trust * (fewSlotsGapMs(fewer, arrivalsPerMs, 0) - meanGapMs);
  }
  const change = meanGapMs / state.meanGapMs;
  return {
    ...state,
    gapAt: (point) => change * state.gapAt(point),
    blocked: { ...blocked, gapMs: change * blocked.gapMs },
    meanGapMs,
  };
}

/** Share of the requests that decode beside so many, at which less slots say nothing any more. */
const mostBeyond = 0.02;

function shareBeyond(grid: StateGrid, { met, blocked }: SteadyState, slots: number): number {
  let total = blocked.weight;
  let beyond = blocked.weight;
  for (const [point, weight] of met.entries()) {
    total += weight;
    if (certain(grid.points[point]) >= slots) beyond += weight;
  }
  return beyond / total;
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

  // No gap is longer than where requests always wait, and none shorter than of one request alone.
  const fullPoint = grid.indexBelow(meanDecodes > 0 ? Math.max(1, full.perIteration * meanDecodes) : 0);
  const fullOwn = promptWhenFull(rates, stateAt(fullPoint).budgetUse);
  const longestGapMs = gapWhenFull(rates, fullOwn);
  /** From arrival to first token of a mean prompt that waits for nothing but the iteration that it falls into. */
  const firstTokenAt = (point: number): number => {
    const state = stateAt(point);
    const budgetTokens = mix.budgetTokens - certain(grid.points[point]);
    return state.decodeMs / 2 + ownPromptMs(mix, meanPrompt, { ...state, budgetTokens });
  };
  // With many decode iterations a longer gap keeps more sequences decoding, so that more of them see each prompt.
  const feedback = meanDecodes / (meanDecodes + 10);
  const gapAt = (point: number): number => {
    const { decodeMs, gapMs } = stateAt(point);
    if (gapMs <= 0) return 0;
    const once = decodeMs + seenPrompts * (gapMs - decodeMs);
    const fedBack = decodeMs / (1 - seenPrompts * (1 - decodeMs / gapMs));
    return Math.min(once + feedback * (fedBack - once), longestGapMs);
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
    const withOthers = grid.interpolate(firstTokenAt, withOwn);
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
