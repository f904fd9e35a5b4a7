/**
 * The engine with a constant number of requests in it: as soon as one leaves, another takes its place. Its throughput is
 * what the engine serves while that many are in it, and with all slots taken it is the saturation rate.
 *
 * With y requests prefilled an iteration, n = y·d decode (d = K-1 iterations each), and by Little's law in iterations
 *   m = y·(d + R(y)),
 * where R is the iterations that a prompt takes, its wait for the token budget among them. The budget c = B - n passes
 * 1/w = c/i prompts an iteration, so that R = max(1, w) plus the wait in a queue of constant service times, half of that
 * of exponential ones. Nothing of that depends on times; the mean iteration then takes
 *   T = alpha·P(n > 0) + beta·n + gamma·P(prompts) + delta·i·y ms,
 * and the engine serves y/T requests a ms.
 */
import type { RequestMix } from "./request-mix.ts";

export interface ClosedEngine {
  /** Requests that finish their prompt an iteration, and that leave. */
  readonly perIteration: number;
  readonly iterationMs: number;
  /** Share of the time that is decoding's. */
  readonly decodeShare: number;
  /** Requests a ms. */
  readonly perMs: number;
  /** Share of its capacity at which the token budget is used by prompts that queue for it, 0…1. */
  readonly prefillBound: number;
}

/**
 * @param inEngine requests in the engine all the time.
 * @param boundaryWait iterations that a request waits for the next one to begin.
 * @param inStep all requests have gone through the engine at the same pace since they came in together, so that their
 *   prompts still share few iterations. Else they are at independent stages.
 */
export function closedEngine(
  mix: RequestMix,
  inEngine: number,
  boundaryWait = 0,
  inStep = false,
): ClosedEngine {
  const { alphaMs, betaMs, gammaMs, deltaMs, budgetTokens, meanPrompt, meanDecodes } = mix;
  const perIteration = flow(mix, inEngine, boundaryWait);
  const decoding = perIteration * meanDecodes;
  const load = promptIterations(mix, decoding);
  const bound = Math.min(1, perIteration * load);
  let decodes = meanDecodes > 0 ? 1 - noneDecodes(mix, inEngine, decoding, load, bound) : 0;
  let prefills = Math.min(
    1,
    load > 1
      ? perIteration * (bound * load + (1 - bound) * Math.ceil(load))
      : Math.max(bound, 1 - (1 - 1 / (meanDecodes + 1)) ** inEngine),
  );
  if (inStep) {
    const cycle = inEngine / perIteration;
    const together = Math.max(1, Math.ceil(inEngine * load - 1e-9));
    prefills = Math.min(prefills, Math.max(bound, together / cycle));
    if (meanPrompt * inEngine <= budgetTokens) decodes = meanDecodes / (meanDecodes + 1);
  }
  const iterationMs =
    alphaMs * decodes + betaMs * decoding + gammaMs * prefills + deltaMs * meanPrompt * perIteration;
  return {
    perIteration,
    iterationMs,
    decodeShare: (alphaMs * decodes + betaMs * decoding) / iterationMs,
    perMs: perIteration / iterationMs,
    prefillBound: load > 1 ? bound : bound ** queueExponent(1 / load),
  };
}

/**
 * Probability that no sequence decodes. Requests at independent stages decode with probability n/m each; where prompts
 * follow each other one by one, those that decode are spread evenly, and at most 1 + d/w of them are.
 */
function noneDecodes(
  mix: RequestMix,
  inEngine: number,
  decoding: number,
  load: number,
  bound: number,
): number {
  const independent = (1 - decoding / inEngine) ** inEngine;
  if (load <= 1) return independent;
  const atOnce = 1 + mix.meanDecodes / load;
  const spread = mix.equalOutputs
    ? Math.max(0, 1 - decoding)
    : (1 - Math.min(1, decoding / atOnce)) ** atOnce;
  return independent + bound * (Math.min(independent, spread) - independent);
}

/** Iterations of the whole token budget that a mean prompt takes while `decoding` sequences use theirs. */
function promptIterations({ budgetTokens, meanPrompt }: RequestMix, decoding: number): number {
  return meanPrompt / Math.max(budgetTokens - decoding, 1e-9);
}

/**
 * In a queue of c servers about rho^(sqrt(2(c+1)) - 1) of the arrivals wait (Sakasegawa); with it, the queue of a budget
 * for c prompts an iteration has a closed form for any c, whole or not.
 */
export function queueExponent(promptsPerIteration: number): number {
  return Math.sqrt(2 * (promptsPerIteration + 1));
}

/** Solves m = y·(d + R(y)) for y, by the Illinois variant of false position. */
function flow(mix: RequestMix, inEngine: number, boundaryWait: number): number {
  const { meanDecodes, meanPrompt, budgetTokens } = mix;
  // Where the prompts use the whole budget: y·i = B - y·d.
  const limit = budgetTokens / (meanPrompt + meanDecodes);
  const excess = (y: number): number => {
    const load = promptIterations(mix, y * meanDecodes);
    const bound = y * load;
    if (bound >= 1) return inEngine;
    const alone = load <= 1 ? 1 : bound * load + (1 - bound) * Math.ceil(load);
    const others = (inEngine - 1) / inEngine;
    const wait = ((load * bound ** queueExponent(1 / load)) / (2 * (1 - bound))) * 0.5 * others;
    return Math.min(y * (meanDecodes + alone + wait + boundaryWait) - inEngine, inEngine);
  };
  let low = 0;
  let high = Math.min(inEngine / (meanDecodes + 1 + boundaryWait), limit);
  let excessLow = -inEngine;
  let excessHigh = excess(high);
  if (excessHigh <= 0) return high;
  let side = 0;
  for (let step = 0; step < 100 && high - low > 1e-13 * high; step++) {
    // Every third step halves, as beside a pole false position creeps.
    const y =
      step % 3 === 2 ? (low + high) / 2 : (low * excessHigh - high * excessLow) / (excessHigh - excessLow);
    const value = excess(y);
    if (value > 0) {
      high = y;
      excessHigh = value;
      if (side === 1) excessLow /= 2;
      side = 1;
    } else {
      low = y;
      excessLow = value;
      if (side === -1) excessHigh /= 2;
      side = -1;
    }
    if (value === 0) break;
  }
  return low;
}
