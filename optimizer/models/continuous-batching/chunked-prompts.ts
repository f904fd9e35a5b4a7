/**
 * Prompts that take the whole token budget of one or more iterations: they are read one after the other, by a single
 * server that takes S = i·(delta + h/c) ms for one of i tokens back to back with others, c = B - n, h = D + gamma.
 *
 * An arrival waits as the Pollaczek-Khinchine formula says, and besides for the end of the iteration that it falls into
 * (D/2 while none is read: a server with vacations of length D). A prompt that nothing follows at once leaves the rest of
 * its last iteration unused, which then takes (ceil(i/c) - i/c)·h more.
 */
import { meanDecay, meanInBlocks, overDecodes } from "./decode-gaps.ts";
import type { IterationSetting, IterationState, PromptQueue } from "./iteration-state.ts";
import type { RequestMix } from "./request-mix.ts";

export function chunkedPrompts(
  mix: RequestMix,
  { arrivalsPerMs, decoding }: IterationSetting,
  queue: PromptQueue,
): IterationState {
  const { decodeMs, iterations, use, room, settled } = queue;
  const { deltaMs } = mix;
  const whole = queue.wholeIterations;
  const unusedMs = (1 - use) * (whole - iterations) * settled.overheadMs;
  const promptMs = settled.promptMs + unusedMs;
  const busy = Math.min((use * promptMs) / settled.promptMs, 0.999);
  const queueMs = (room * arrivalsPerMs * promptMs * promptMs * mix.promptSquare) / (2 * (1 - busy));
  const perPrompt = use * iterations + (1 - use) * whole;
  const metMs = settled.overheadMs + (deltaMs * mix.meanPrompt) / perPrompt;
  const waitMs = queueMs + decodeMs / 2 + (room * use * metMs) / 2;
  const waitVariance =
    queueMs * queueMs +
    (room * arrivalsPerMs * promptMs ** 3 * mix.promptCube) / (3 * (1 - busy)) +
    (decodeMs * decodeMs + room * use * metMs * metMs) / 12;
  const readingShare = Math.min(1, arrivalsPerMs * promptMs);
  const ofGaps = decoding > 0 ? gaps(mix, arrivalsPerMs, queue, readingShare) : noGaps;
  return {
    decodeMs,
    ...ofGaps,
    readingShare,
    boundaryMs: decodeMs / 2,
    waitMs,
    waitVariance,
    ownOverheadMs: settled.overheadMs,
    budgetUse: use,
  };
}

const noGaps = { gapMs: 0, firstGapMs: 0, laterGapMs: 0, readingMs: 0 };

/**
 * Over all iterations a share P of them reads prompts. A request that begins to decode leaves others behind with
 * probability P1, more often as its own prompt took long; they then follow one after the other.
 */
function gaps(
  mix: RequestMix,
  arrivalsPerMs: number,
  { decodeMs, overheadMs, iterations, wholeIterations: whole, use }: PromptQueue,
  readingShare: number,
): Pick<IterationState, "gapMs" | "firstGapMs" | "laterGapMs" | "readingMs"> {
  const load = Math.min(arrivalsPerMs * mix.deltaMs * mix.meanPrompt, 0.999);
  const perPrompt = use * iterations + (1 - use) * whole;
  // T = D + P·gamma + load·T and P = lambda·T·perPrompt, at most 1.
  const perMs = arrivalsPerMs * perPrompt;
  const free = 1 - load - mix.gammaMs * perMs;
  const meanMs =
    free > 0 && (decodeMs * perMs) / free < 1 ? decodeMs / free : (decodeMs + mix.gammaMs) / (1 - load);
  const reads = Math.min(1, perMs * meanMs);
  const readingMs = reads > 0 ? (meanMs - decodeMs * (1 - reads)) / reads : overheadMs;

  const met = arrivalsPerMs * decodeMs;
  const noneCame = met > 1e-9 ? -Math.expm1(-met) / met : 1;
  const leavesOthers = 1 - (1 - readingShare) * noneCame;
  const begins = -Math.expm1(-met);
  const ends = reads > 0 && reads < 1 ? (begins * (1 - reads)) / reads : 0;
  const idleDecay = Math.max(0, 1 - begins - ends);
  // In a queue with constant service times, the one left behind is alone with probability (1-u)(exp(u)-1)/u; those left
  // behind keep the server busy for 1 + u/2(1-u) prompts and those that come meanwhile.
  const busy = Math.min(readingShare, 0.999);
  const firstFollowed = busy > 1e-9 ? 1 + ((1 - busy) * Math.expm1(-busy)) / busy : 0;
  const inARow = (1 + (busy * mix.promptSquare) / (2 * (1 - busy))) / (1 - busy);
  const followed = inARow > 1 + firstFollowed ? 1 - firstFollowed / (inARow - 1) : 0;
  // The first of those left behind has had what the request's own last iteration had to spare.
  const spare = ((1 - use) * (whole - iterations) + use / 2) * (1 - 1 / whole);
  const blocks = {
    firstIterations: Math.max(1, perPrompt - spare),
    iterations,
    firstFollowed,
    followed,
    most: mix.slots - 1,
  };
  const inBlocks = overDecodes(mix, (kind) => meanInBlocks(kind, blocks));
  const idle = overDecodes(mix, (kind) => meanDecay(kind, idleDecay));
  const share = reads + leavesOthers * (1 - reads) * inBlocks - (1 - leavesOthers) * reads * idle;
  const overMs = readingMs - decodeMs;
  return {
    gapMs: decodeMs + share * overMs,
    firstGapMs: decodeMs + leavesOthers * overMs,
    laterGapMs: decodeMs + reads * overMs,
    readingMs,
  };
}
