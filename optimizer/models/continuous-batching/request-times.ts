/** What requests meet in equilibrium: the ways that one may fare, and the percentiles of their mixture. */
import { certain } from "../../certain.ts";
import type { GenerationPrediction, GenerationTimes } from "../generation-prediction.ts";
import { mixturePercentiles, type TimeComponent } from "./percentiles.ts";
import { gapComponents, gapsOf, gapVariance, meanGap, type Gaps } from "./gap-times.ts";
import type { RequestKind, RequestMix } from "./request-mix.ts";
import type { StateGrid } from "./state-grid.ts";
import { ownPromptMs, type OwnPrompt } from "./own-prompt.ts";
import type { SteadyState } from "./steady-state.ts";

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

  add(weight: number, waitMs: number, waitVariance: number, own: OwnPrompt): void {
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
  let gapSum = 0;
  let gapCount = 0;
  for (const { kind, index } of kinds) {
    const gapMs = meanGap(gaps, kind);
    const decodeMs = kind.decodes * gapMs;
    gapSum += kind.share * decodeMs;
    gapCount += kind.share * kind.decodes;
    const countVariance = kind.geometric ? kind.decodes * (kind.decodes + 1) : 0;
    const decodeVariance =
      countVariance * gapMs * gapMs + kind.decodes * kind.decodes * gapVariance(gaps, kind, kind.decodes);
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
  const ofGaps = kinds.flatMap(({ kind }) => gapComponents(kind, gaps));
  const [ttft50 = 0, ttft95 = 0, ttft99 = 0] = mixturePercentiles(ttft, [0.5, 0.95, 0.99]);
  const [gap95 = 0, gap99 = 0] = mixturePercentiles(ofGaps, [0.95, 0.99]);
  const [latency95 = 0, latency99 = 0] = mixturePercentiles(latency, [0.95, 0.99]);
  return {
    ttftMs: { mean: ttftSum / weights, p50: ttft50, p95: ttft95, p99: ttft99 },
    itlMs: { mean: gapCount > 0 ? gapSum / gapCount : 0, p95: gap95, p99: gap99 },
    latencyMs: { mean: latencySum / weights, p95: latency95, p99: latency99 },
  };
}
