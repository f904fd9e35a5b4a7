/** What requests meet in equilibrium: the ways that one may fare, and the percentiles of their mixture. */
import { certain } from "../../certain.ts";
import type { GenerationPrediction, GenerationTimes } from "../generation-prediction.ts";
import { mixturePercentiles, type TimeComponent } from "./percentiles.ts";
import type { RequestKind, RequestMix } from "./request-mix.ts";
import type { StateGrid } from "./state-grid.ts";
import { ownPromptMs, type SteadyState } from "./steady-state.ts";

/** Requests that fare alike until their first token. */
interface Fate {
  readonly weight: number;
  /** Mean and variance of the wait until the own prompt is read. */
  readonly waitMs: number;
  readonly waitVariance: number;
  readonly shape: TimeComponent["shape"];
  /** For each kind of request, what its own prompt takes. */
  readonly ownMs: Float64Array;
}

/** Gaps between the tokens of the requests, of which each has its own mean. */
interface Gaps {
  readonly meanMs: number;
  readonly leastMs: number;
  /** Variance of what changes slowly: the number of sequences that decode. */
  readonly slowVariance: number;
  /** Variance of a single gap around that, and the gaps after which it is forgotten. */
  readonly fastVariance: number;
  readonly correlated: number;
}

export function timesOf(
  mix: RequestMix,
  grid: StateGrid,
  state: SteadyState,
): Pick<GenerationPrediction, "overall" | "traffic"> {
  const fates = fatesOf(mix, grid, state);
  const gaps = gapsOf(mix, state);
  const all = mix.kinds.map((kind, index) => ({ kind, index }));
  const overall = summary(all, fates, gaps);
  return { overall, traffic: all.length === 1 ? [overall] : all.map((one) => summary([one], fates, gaps)) };
}

function fatesOf(
  mix: RequestMix,
  grid: StateGrid,
  { found, stateAt, blocked }: SteadyState,
): readonly Fate[] {
  const alone = new FateSum(mix, "gamma");
  const boundary = new FateSum(mix, "even");
  const reading = new FateSum(mix, "gamma");
  const full = new FateSum(mix, "gamma");
  for (let point = 0; point < found.length; point++) {
    const weight = certain(found[point]);
    if (weight <= 0) continue;
    const { readingShare, boundaryMs, waitMs, waitVariance, ...own } = stateAt(point);
    const budgetTokens = mix.budgetTokens - certain(grid.points[point]);
    const free = point === 0 ? alone : boundary;
    const freeVariance = (boundaryMs * boundaryMs) / 3;
    free.add(weight * (1 - readingShare), boundaryMs, freeVariance, { ...own, budgetTokens });
    if (readingShare <= 0) continue;
    const met = Math.max(0, waitMs - (1 - readingShare) * boundaryMs) / readingShare;
    const square =
      (waitVariance + waitMs * waitMs - (1 - readingShare) * (freeVariance + boundaryMs * boundaryMs)) /
      readingShare;
    reading.add(weight * readingShare, met, Math.max(square - met * met, 0.05 * met * met), {
      ...own,
      budgetTokens,
    });
  }
  full.add(blocked.weight, blocked.waitMs, blocked.waitVariance, blocked);
  return [alone, boundary, reading, full].map((sum) => sum.fate());
}

class FateSum {
  readonly #mix: RequestMix;
  readonly #shape: TimeComponent["shape"];
  readonly #ownMs: Float64Array;
  #weight = 0;
  #wait = 0;
  #square = 0;

  constructor(mix: RequestMix, shape: TimeComponent["shape"]) {
    this.#mix = mix;
    this.#shape = shape;
    this.#ownMs = new Float64Array(mix.kinds.length);
  }

  add(weight: number, waitMs: number, waitVariance: number, own: Parameters<typeof ownPromptMs>[2]): void {
    if (weight <= 0) return;
    this.#weight += weight;
    this.#wait += weight * waitMs;
    this.#square += weight * (waitVariance + waitMs * waitMs);
    for (const [index, { prompt }] of this.#mix.kinds.entries()) {
      this.#ownMs[index] = certain(this.#ownMs[index]) + weight * ownPromptMs(this.#mix, prompt, own);
    }
  }

  fate(): Fate {
    const weight = this.#weight;
    const waitMs = weight > 0 ? this.#wait / weight : 0;
    return {
      weight,
      waitMs,
      waitVariance: weight > 0 ? Math.max(0, this.#square / weight - waitMs * waitMs) : 0,
      shape: this.#shape,
      ownMs: this.#ownMs.map((value) => (weight > 0 ? value / weight : 0)),
    };
  }
}

function gapsOf(mix: RequestMix, { met, stateAt, gapAt, blocked, meanGapMs }: SteadyState): Gaps {
  let total = blocked.weight;
  let square = blocked.weight * blocked.gapMs * blocked.gapMs;
  let fast = 0;
  let seen = 0;
  const readMs = mix.deltaMs * mix.meanPrompt;
  for (let point = 1; point < met.length; point++) {
    const weight = certain(met[point]);
    if (weight <= 0) continue;
    const { decodeMs, readingMs } = stateAt(point);
    const gapMs = gapAt(point);
    total += weight;
    seen += weight;
    square += weight * gapMs * gapMs;
    const over = Math.max(readingMs - decodeMs, 1e-12);
    const share = Math.min(1, Math.max(0, (gapMs - decodeMs) / over));
    const batch = Math.max(0, over - mix.gammaMs - readMs) * readMs;
    fast += weight * share * ((1 - share) * over * over + batch);
  }
  const iterations = Math.max(1, mix.meanPrompt / mix.budgetTokens);
  return {
    meanMs: meanGapMs,
    leastMs: mix.alphaMs + mix.betaMs,
    slowVariance: Math.max(0, square / total - meanGapMs * meanGapMs),
    fastVariance: seen > 0 ? fast / seen : 0,
    correlated: iterations,
  };
}

interface IndexedKind {
  readonly kind: RequestKind;
  readonly index: number;
}

function summary(kinds: readonly IndexedKind[], fates: readonly Fate[], gaps: Gaps): GenerationTimes {
  const ttft: TimeComponent[] = [];
  const latency: TimeComponent[] = [];
  let weights = 0;
  let ttftSum = 0;
  let latencySum = 0;
  for (const { kind, index } of kinds) {
    const decodeMs = kind.decodes * gaps.meanMs;
    const countVariance = kind.geometric ? kind.decodes * (kind.decodes + 1) : 0;
    const decodeVariance =
      countVariance * gaps.meanMs * gaps.meanMs +
      kind.decodes * kind.decodes * gapVariance(gaps, kind, kind.decodes);
    for (const { weight, waitMs, waitVariance, shape, ownMs } of fates) {
      if (weight <= 0) continue;
      const ofKind = weight * kind.share;
      const own = certain(ownMs[index]);
      const least = kind.geometric ? 0 : kind.decodes * gaps.leastMs;
      weights += ofKind;
      ttftSum += ofKind * (own + waitMs);
      latencySum += ofKind * (own + waitMs + decodeMs);
      ttft.push({ weight: ofKind, leastMs: own, restMs: waitMs, restVariance: waitVariance, shape });
      latency.push({
        weight: ofKind,
        leastMs: own + least,
        restMs: waitMs + decodeMs - least,
        restVariance: waitVariance + decodeVariance,
        shape: "gamma",
      });
    }
  }
  const gapComponents = kinds.flatMap(({ kind }) => gapComponentsOf(kind, gaps));
  const [ttft50 = 0, ttft95 = 0, ttft99 = 0] = mixturePercentiles(ttft, [0.5, 0.95, 0.99]);
  const [gap95 = 0, gap99 = 0] = mixturePercentiles(gapComponents, [0.95, 0.99]);
  const [latency95 = 0, latency99 = 0] = mixturePercentiles(latency, [0.95, 0.99]);
  return {
    ttftMs: { mean: ttftSum / weights, p50: ttft50, p95: ttft95, p99: ttft99 },
    itlMs: { mean: gapComponents.length > 0 ? gaps.meanMs : 0, p95: gap95, p99: gap99 },
    latencyMs: { mean: latencySum / weights, p95: latency95, p99: latency99 },
  };
}

/** Variance of the mean gap of a request with this many gaps. */
function gapVariance(
  { slowVariance, fastVariance, correlated }: Gaps,
  kind: RequestKind,
  gapCount: number,
): number {
  if (gapCount <= 0) return 0;
  // What changes over the time that a request decodes is partly averaged out within it.
  const slow = slowVariance / (1 + (0.4 * gapCount) / kind.decodes);
  return slow + (fastVariance * correlated) / (correlated + Math.max(0, gapCount - 1));
}

/** Shares of the requests, by how many gaps they have, that geometric lengths are cut into. */
const lengthClasses = 8;

function gapComponentsOf(kind: RequestKind, gaps: Gaps): readonly TimeComponent[] {
  if (kind.decodes <= 0) return [];
  const component = (weight: number, gapCount: number): TimeComponent => ({
    weight,
    leastMs: Math.min(gaps.leastMs, gaps.meanMs),
    restMs: Math.max(0, gaps.meanMs - gaps.leastMs),
    restVariance: gapVariance(gaps, kind, gapCount),
    shape: "gamma",
  });
  if (!kind.geometric) return [component(kind.share, kind.decodes)];
  // Only requests of two tokens and more have a gap: 1 + a geometric number with mean d.
  const withGaps = (kind.share * kind.decodes) / (kind.decodes + 1) / lengthClasses;
  return Array.from({ length: lengthClasses }, (_, index) =>
    component(withGaps, 1 - kind.decodes * Math.log(1 - (index + 0.5) / lengthClasses)),
  );
}
