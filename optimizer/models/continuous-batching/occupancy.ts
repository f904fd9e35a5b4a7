/**
 * How many requests an arrival finds in the engine.
 *
 * Their number m is a birth-death chain: arrivals come at rate lambda, and with m in the engine they leave at the rate of
 * an engine that always holds m ({@link closedEngine}). In networks of queues that is exact where the service is shared,
 * whatever the spread of the output lengths, as it is here while slots are free.
 */
import { certain } from "../../certain.ts";
import { decodeMillis } from "./iteration-state.ts";
import { closedEngine, type ClosedEngine } from "./closed-engine.ts";
import { fewerSlots, fewSlots, type FewSlots } from "./few-slots.ts";
import type { RequestMix } from "./request-mix.ts";

export class EngineRates {
  readonly mix: RequestMix;
  /** All slots taken, requests at independent stages: what random arrivals can be served at, for ever. */
  readonly full: ClosedEngine;
  /** Requests a ms while requests always wait, from an empty engine on. */
  readonly saturationPerMs: number;
  /** Where the states of the engine are few enough to be followed one by one. */
  readonly few: FewSlots | undefined;
  /** Or would be, with as many slots as arrivals hardly ever find taken. */
  readonly fewer: FewSlots | undefined;
  /** For 1, 2 … requests in the engine that came one by one. */
  readonly #engines: ClosedEngine[] = [];

  constructor(mix: RequestMix) {
    this.mix = mix;
    this.few = fewSlots(mix);
    this.fewer = this.few === undefined ? fewerSlots(mix) : undefined;
    this.full = closedEngine(mix, mix.slots);
    // Equal outputs end together, and the prompts that take their places are again read together.
    this.saturationPerMs = mix.equalOutputs ? closedEngine(mix, mix.slots, 0, true).perMs : this.full.perMs;
  }

  /** Departures a ms with this many requests in the engine, at most as many as there are slots. */
  departuresPerMs(inEngine: number, arrivalsPerMs: number, clustering: number): number {
    while (this.#engines.length < inEngine) {
      const others = this.#engines.length;
      // One that finds others begins half an iteration later on average.
      this.#engines.push(closedEngine(this.mix, others + 1, (0.5 * others) / (others + 1)));
    }
    const { perMs, prefillBound } = certain(this.#engines[inEngine - 1]);
    if (inEngine === 1) return perMs;
    if (perMs <= arrivalsPerMs) return arrivalsPerMs + (perMs - arrivalsPerMs) * clustering;
    // A queue for the token budget is shorter than the chain's, as prompts take constant times: with a squared
    // coefficient of variation c² it is geometric with ratio lambda/(lambda + (mu-lambda)·2/(1+c²)).
    const variation = this.mix.promptSquare - 1;
    return (
      arrivalsPerMs +
      (perMs - arrivalsPerMs) * clustering * (1 + (prefillBound * (1 - variation)) / (1 + variation))
    );
  }
}

/** Nearer to a standstill of decoding, arrivals are not taken to cluster more. */
const mostStopped = 0.9;

export interface Occupancy {
  /** Relative weights of finding `first`, `first + 1` … requests in the engine, and a free slot. */
  readonly weights: Float64Array;
  readonly first: number;
  /** Weight of finding all slots taken. */
  readonly blocked: number;
}

/** Rarer states are left out. */
const negligible = 1e-13;

export function occupancy(rates: EngineRates, arrivalsPerMs: number, meanDecoding: number): Occupancy {
  const { slots } = rates.mix;
  const clustering = clusters(rates.mix, arrivalsPerMs, meanDecoding);
  const weights = new Float64Array(slots);
  let weight = 1;
  let peak = 1;
  let last = slots - 1;
  weights[0] = 1;
  for (let m = 1; m <= slots; m++) {
    weight *= arrivalsPerMs / rates.departuresPerMs(m, arrivalsPerMs, clustering);
    if (weight > 1e250) {
      weights.forEach((value, index) => (weights[index] = value * 1e-250));
      weight *= 1e-250;
      peak *= 1e-250;
    }
    if (m < slots) weights[m] = weight;
    peak = Math.max(peak, weight);
    if (weight < negligible * peak) {
      last = Math.min(m, last);
      weight = 0;
      break;
    }
  }
  let first = 0;
  while (first < last && certain(weights[first]) < negligible * peak) first++;
  const use = arrivalsPerMs / rates.full.perMs;
  return {
    weights: weights.subarray(first, last + 1),
    first,
    blocked: use < 1 ? weight / (1 - use) : Number.POSITIVE_INFINITY,
  };
}

/**
 * How much less than the chain's the number of requests is drawn back to its mean, because they come in clusters.
 *
 * Decoding stands still while prompts are read. On its clock, that runs only a share `going` of the time, the arrivals of
 * such a pause all come at once, with those that come while they are read: a cluster of the size of a busy period, with
 * mean 1/going and mean square 1/going³. The number of requests in decode, as in a queue with any number of servers, then
 * has a variance of 1/going² times its mean for equal outputs, and of the mean of that and 1 for geometric ones; the chain
 * has 1/going. Where a request decodes for few iterations, a cluster is spread over as many.
 */
function clusters(mix: RequestMix, arrivalsPerMs: number, meanDecoding: number): number {
  const { gammaMs, deltaMs, meanPrompt, meanDecodes } = mix;
  if (meanDecodes === 0 || arrivalsPerMs === 0) return 1;
  const iterations = meanPrompt / Math.max(1, mix.budgetTokens - meanDecoding);
  const load = Math.min(arrivalsPerMs * deltaMs * meanPrompt, mostStopped);
  const decodeMs = decodeMillis(mix, Math.max(1, meanDecoding));
  const readingMs = (decodeMs + gammaMs) / (1 - load);
  const reads = -Math.expm1(-arrivalsPerMs * decodeMs);
  const iterationMs = (decodeMs + gammaMs * reads) / (1 - load);
  const readingShare = 1 - (decodeMs * (1 - reads)) / iterationMs;
  const metMs = decodeMs + readingShare * (readingMs - decodeMs);
  // Prompts that share an iteration share its gamma.
  const perPromptMs = iterations < 1 ? gammaMs * Math.exp(-arrivalsPerMs * metMs) : gammaMs * iterations;
  const stopped = Math.min(load + arrivalsPerMs * perPromptMs, mostStopped);
  const going = 1 - stopped;
  let geometricShare = 0;
  for (const { share, decodes, geometric } of mix.kinds) {
    if (geometric) geometricShare += (share * decodes) / meanDecodes;
  }
  const geometricFactor = (2 * going) / (1 + going * going);
  const clustered = geometricShare * geometricFactor + (1 - geometricShare) * going;
  const spread = meanDecodes / (meanDecodes + (2 * Math.max(1, iterations)) / going);
  return 1 - spread * (1 - clustered);
}
