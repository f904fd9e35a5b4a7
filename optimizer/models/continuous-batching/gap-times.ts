/**
 * How the mean gap between tokens differs from request to request.
 *
 * A gap is the decode part of an iteration, and longer by an interruption where prompts are read in it. A request with
 * many gaps meets about as many interruptions as any other; one with few meets none or several, and then they are most of
 * its mean gap. So requests are told apart by their number of gaps, and by the number of their interruptions, a binomial
 * number with the mean that gives the mean gap.
 */
import { certain } from "../../certain.ts";
import { meanDecay, overDecodes } from "./decode-gaps.ts";
import type { TimeComponent } from "./percentiles.ts";
import type { RequestKind, RequestMix } from "./request-mix.ts";
import type { SteadyState } from "./steady-state.ts";

export interface Gaps {
  /** Long after the first token, what the first gap takes more, and the share of that which is left from gap to gap. */
  readonly laterMs: number;
  readonly firstExcessMs: number;
  readonly decay: number;
  readonly leastMs: number;
  /** Mean decode part. */
  readonly decodeMs: number;
  /** Variance of what changes slowly: the number of sequences that decode. */
  readonly slowVariance: number;
  /** What a gap with an interruption takes more than one without, and its squared coefficient of variation. */
  readonly interruptionMs: number;
  readonly interruptionVariation: number;
  /** Gaps in a row that one prompt interrupts. */
  readonly gapsInterrupted: number;
}

/** How gaps wear off from the first to later ones, such that the mean over all is the known one. */
function course(
  mix: RequestMix,
  meanMs: number,
  firstMs: number,
  laterMs: number,
): Pick<Gaps, "laterMs" | "firstExcessMs" | "decay"> {
  const excess = firstMs - laterMs;
  const wanted = excess > 0 ? (meanMs - laterMs) / excess : 0;
  const atOnce = overDecodes(mix, (kind) => meanDecay(kind, 0));
  // Where no course from one to the other has the mean, all gaps are alike.
  if (!(wanted > atOnce && wanted < 1)) return { laterMs: meanMs, firstExcessMs: 0, decay: 0 };
  let low = 0;
  let high = 1;
  for (let step = 0; step < 40; step++) {
    const decay = (low + high) / 2;
    if (overDecodes(mix, (kind) => meanDecay(kind, decay)) < wanted) low = decay;
    else high = decay;
  }
  return { laterMs, firstExcessMs: excess, decay: (low + high) / 2 };
}

/** Mean gap of the requests of one kind. */
export function meanGap(gaps: Gaps, kind: Pick<RequestKind, "decodes" | "geometric">): number {
  return kind.decodes > 0 ? gaps.laterMs + gaps.firstExcessMs * meanDecay(kind, gaps.decay) : 0;
}

export function gapsOf(mix: RequestMix, { met, stateAt, gapAt, blocked, meanGapMs }: SteadyState): Gaps {
  const readMs = mix.deltaMs * mix.meanPrompt;
  let total = blocked.weight;
  let square = blocked.weight * blocked.gapMs * blocked.gapMs;
  let seen = 0;
  let first = 0;
  let later = 0;
  let decodeSum = 0;
  let shares = 0;
  let interruptions = 0;
  let batches = 0;
  for (let point = 1; point < met.length; point++) {
    const weight = certain(met[point]);
    if (weight <= 0) continue;
    const { decodeMs, readingMs, gapMs: freeMs, firstGapMs, laterGapMs } = stateAt(point);
    const gapMs = gapAt(point);
    const scale = freeMs > decodeMs ? (gapMs - decodeMs) / (freeMs - decodeMs) : 1;
    first += weight * (decodeMs + scale * (firstGapMs - decodeMs));
    later += weight * (decodeMs + scale * (laterGapMs - decodeMs));
    total += weight;
    seen += weight;
    square += weight * gapMs * gapMs;
    decodeSum += weight * decodeMs;
    const over = Math.max(readingMs - decodeMs, 1e-12);
    const share = weight * Math.max((gapMs - decodeMs) / over, 1e-12);
    shares += share;
    interruptions += share * over;
    batches += share * Math.max(0, over - mix.gammaMs - readMs) * readMs;
  }
  const leastMs = mix.alphaMs + mix.betaMs;
  const interruptionMs = shares > 0 ? interruptions / shares : 0;
  return {
    ...course(mix, meanGapMs, seen > 0 ? first / seen : meanGapMs, seen > 0 ? later / seen : meanGapMs),
    leastMs,
    decodeMs: Math.min(seen > 0 ? decodeSum / seen : meanGapMs, meanGapMs),
    slowVariance: Math.max(0, square / total - meanGapMs * meanGapMs),
    interruptionMs,
    interruptionVariation: interruptionMs > 0 ? batches / shares / (interruptionMs * interruptionMs) : 0,
    gapsInterrupted: Math.max(1, mix.meanPrompt / mix.budgetTokens),
  };
}

/** Variance of the mean gap of a request with this many gaps. */
export function gapVariance(gaps: Gaps, kind: RequestKind, gapCount: number): number {
  if (gapCount <= 0) return 0;
  const { tries, probability, eachMs } = interruptionsOf(gaps, gapCount);
  const each = 1 - probability + gaps.interruptionVariation;
  return slowVariance(gaps, kind, gapCount) + tries * probability * eachMs * eachMs * each;
}

/** What changes over the time that a request decodes is partly averaged out within it. */
function slowVariance(gaps: Gaps, kind: RequestKind, gapCount: number): number {
  return gaps.slowVariance / (1 + (0.4 * gapCount) / kind.decodes);
}

interface Interruptions {
  /** The most that there is room for; need not be whole. */
  readonly tries: number;
  readonly probability: number;
  /** What each adds to the mean gap. */
  readonly eachMs: number;
}

function interruptionsOf(gaps: Gaps, gapCount: number): Interruptions {
  const interrupted = Math.min(gaps.gapsInterrupted, gapCount);
  const tries = gapCount / interrupted;
  const eachMs = gaps.interruptionMs / tries;
  const gapMs = meanGap(gaps, { decodes: gapCount, geometric: false });
  const mean = eachMs > 0 ? Math.max(0, gapMs - gaps.decodeMs) / eachMs : 0;
  return { tries, probability: Math.min(0.999, mean / tries), eachMs };
}

/** Shares of the requests, by how many gaps they have, that geometric lengths are cut into: finer where there are few. */
const lengthClasses = [0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1];

/** The mean gaps of the requests of one kind that have any; their weights sum to the share of these. */
export function gapComponents(kind: RequestKind, gaps: Gaps): readonly TimeComponent[] {
  if (kind.decodes <= 0) return [];
  const components: TimeComponent[] = [];
  if (!kind.geometric) {
    addInterrupted(components, kind, gaps, kind.decodes, kind.share);
    return components;
  }
  // Only requests of two tokens and more have a gap: 1 + a geometric number with mean d.
  const withGaps = (kind.share * kind.decodes) / (kind.decodes + 1);
  for (let index = 1; index < lengthClasses.length; index++) {
    const from = certain(lengthClasses[index - 1]);
    const to = certain(lengthClasses[index]);
    const gapCount = 1 - kind.decodes * Math.log(1 - (from + to) / 2);
    addInterrupted(components, kind, gaps, gapCount, withGaps * (to - from));
  }
  return components;
}

/** Interruptions that are told apart. */
const mostCounted = 3;

function addInterrupted(
  components: TimeComponent[],
  kind: RequestKind,
  gaps: Gaps,
  gapCount: number,
  weight: number,
): void {
  const { tries, probability, eachMs } = interruptionsOf(gaps, gapCount);
  const leastMs = Math.min(gaps.leastMs, gaps.decodeMs);
  const slow = slowVariance(gaps, kind, gapCount);
  const add = (share: number, count: number, countVariance: number): void => {
    components.push({
      weight: weight * share,
      leastMs,
      restMs: gaps.decodeMs - leastMs + count * eachMs,
      restVariance: slow + (countVariance + count * gaps.interruptionVariation) * eachMs * eachMs,
      shape: "gamma",
    });
  };
  const mean = tries * probability;
  let share = (1 - probability) ** tries;
  let left = 1;
  let leftCount = mean;
  let leftSquare = mean * (1 - probability + mean);
  for (let count = 0; count < mostCounted && tries > count; count++) {
    add(share, count, 0);
    left -= share;
    leftCount -= count * share;
    leftSquare -= count * count * share;
    share *= ((tries - count) / (count + 1)) * (probability / (1 - probability));
  }
  if (left <= 1e-9) return;
  const countMean = leftCount / left;
  add(left, Math.min(countMean, tries), Math.max(0, leftSquare / left - countMean * countMean));
}
