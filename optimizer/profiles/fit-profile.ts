import { identifyLine, type IdentifiedLine, type LineRefusal } from "./identify-line.ts";
import type { LinePoint } from "./line-fit.ts";
import {
  pointProblems,
  type MeasuredBatch,
  type MeasuredPoint,
  type PointProblem,
} from "./measured-point.ts";
import type { PerformanceProfile } from "./performance-profile.ts";
import { withoutPrefill } from "./prefill-interference.ts";

/** What was measured, and by whom. */
export interface MeasuredSubject {
  /** Model name as in the spec. */
  readonly model: string;
  /** Accelerator name as in the catalog. */
  readonly accelerator: string;
  readonly gpusPerReplica: number;
  /** 0 where nobody knows: memory is then not checked. */
  readonly weightsGiB: number;
  /** Who measured it, where and when; carried into plans. */
  readonly source: string;
  /**
   * Largest batch of the profile.
   * @default the largest measured: beyond it nothing is known
   */
  readonly maxBatchSize?: number;
}

export interface GenerationFitOptions {
  /**
   * Prefill runs on other replicas, so that no inter-token latency contains any.
   * @default false
   */
  readonly disaggregated?: boolean;
  /**
   * Prompt tokens that the engine reads in one iteration at most.
   * @default 8192, what engines on data-centre GPUs come with
   */
  readonly maxBatchedTokens?: number;
}

export type FitRefusal = LineRefusal | ({ readonly kind: "invalid-point" } & PointProblem) | MostlyPrefill;

/** At this point more time between tokens would go to prefill than was measured at all. */
export interface MostlyPrefill {
  readonly kind: "mostly-prefill";
  readonly batch: number;
  /** Prefill by the fitted gamma and delta over the measured inter-token latency. */
  readonly found: number;
}

export interface FittedProfile {
  readonly ok: true;
  readonly profile: PerformanceProfile;
  /** Decoding over sequences; absent for request/response models. */
  readonly decode?: IdentifiedLine;
  /** Prefill over prompt tokens, or latency over requests of a batch. */
  readonly prefill: IdentifiedLine;
  /** TTFT of several requests at once, which contains waiting and is left out. */
  readonly ttftLeftOut: number;
  /** Inter-token latencies that prefill could not be taken off, for lack of `outputTokens` or of a prefill line. */
  readonly prefillLeftIn: number;
}

export type ProfileFit = FittedProfile | { readonly ok: false; readonly refusals: readonly FitRefusal[] };

const defaultMaxBatchedTokens = 8192;

/**
 * Least-squares fit of a generation profile: `ttft = gamma + delta·inputTokens` over the points with a single request
 * in flight, `itl = alpha + beta·sequences` over all points, the prefill of other requests taken off.
 *
 * Only single requests tell gamma and delta: with more in flight, TTFT contains waiting for the iteration under way and
 * for other prompts, by the moments at which the client happens to send.
 */
export function fitProfile(
  subject: MeasuredSubject,
  points: readonly MeasuredPoint[],
  options: GenerationFitOptions = {},
): ProfileFit {
  const invalid = invalidPoints(points);
  if (invalid.length > 0) return { ok: false, refusals: invalid };

  const alone: LinePoint[] = [];
  let ttftLeftOut = 0;
  for (const { batch, inputTokens, ttftMs } of points) {
    if (ttftMs === undefined) continue;
    if (batch === 1) alone.push({ x: inputTokens, y: ttftMs });
    else ttftLeftOut++;
  }
  const prefill = identifyLine("ttft", alone);
  const separable = prefill.ok && !options.disaggregated ? prefill.line : undefined;
  const { decoding, prefillLeftIn, refusals } = decodePoints(
    points,
    separable,
    options.maxBatchedTokens ?? defaultMaxBatchedTokens,
  );
  const decode = identifyLine("itl", decoding, 1);
  if (!prefill.ok || !decode.ok || refusals.length > 0) {
    return {
      ok: false,
      refusals: [
        ...(prefill.ok ? [] : [prefill.refusal]),
        ...refusals,
        // Without the points that are mostly prefill, what is left says nothing of its own.
        ...(decode.ok || refusals.length > 0 ? [] : [decode.refusal]),
      ],
    };
  }
  const largest = Math.ceil(decoding.reduce((most, { x }) => Math.max(most, x), 1));
  return {
    ok: true,
    profile: {
      ...shapeOf(subject, largest),
      alphaMs: decode.line.intercept,
      betaMs: decode.line.slope,
      gammaMs: prefill.line.intercept,
      deltaMs: prefill.line.slope,
      origin: {
        kind: "measured",
        source: subject.source,
        uncertaintyFraction: Math.max(decode.line.uncertaintyFraction, prefill.line.uncertaintyFraction),
      },
    },
    decode: decode.line,
    prefill: prefill.line,
    ttftLeftOut,
    prefillLeftIn: options.disaggregated ? 0 : prefillLeftIn,
  };
}

/** Least-squares fit of a request/response profile: `latency = gamma + delta·batch`. */
export function fitRequestProfile(subject: MeasuredSubject, points: readonly MeasuredBatch[]): ProfileFit {
  const invalid = invalidPoints(points);
  if (invalid.length > 0) return { ok: false, refusals: invalid };
  const fit = identifyLine(
    "latency",
    points.map(({ batch, latencyMs }) => ({ x: batch, y: latencyMs })),
    1,
  );
  if (!fit.ok) return { ok: false, refusals: [fit.refusal] };
  const { line } = fit;
  return {
    ok: true,
    profile: {
      ...shapeOf(subject, Math.ceil(points.reduce((most, { batch }) => Math.max(most, batch), 1))),
      alphaMs: 0,
      betaMs: 0,
      gammaMs: line.intercept,
      deltaMs: line.slope,
      origin: { kind: "measured", source: subject.source, uncertaintyFraction: line.uncertaintyFraction },
    },
    prefill: line,
    ttftLeftOut: 0,
    prefillLeftIn: 0,
  };
}

type Shape = Pick<
  PerformanceProfile,
  "model" | "accelerator" | "gpusPerReplica" | "maxBatchSize" | "weightsGiB"
>;

function shapeOf(subject: MeasuredSubject, largestBatch: number): Shape {
  return {
    model: subject.model,
    accelerator: subject.accelerator,
    gpusPerReplica: subject.gpusPerReplica,
    maxBatchSize: subject.maxBatchSize ?? largestBatch,
    weightsGiB: subject.weightsGiB,
  };
}

function invalidPoints(points: readonly (MeasuredPoint | MeasuredBatch)[]): FitRefusal[] {
  return pointProblems(points).map((problem) => ({ kind: "invalid-point", ...problem }));
}

function decodePoints(
  points: readonly MeasuredPoint[],
  prefill: IdentifiedLine | undefined,
  maxBatchedTokens: number,
): { decoding: LinePoint[]; prefillLeftIn: number; refusals: MostlyPrefill[] } {
  const decoding: LinePoint[] = [];
  const refusals: MostlyPrefill[] = [];
  let prefillLeftIn = 0;
  for (const point of points) {
    const { batch, itlMs } = point;
    if (itlMs === undefined) continue;
    const decode =
      prefill &&
      withoutPrefill(
        { ...point, itlMs },
        { gammaMs: prefill.intercept, deltaMs: prefill.slope },
        maxBatchedTokens,
      );
    if (!decode) {
      if (batch > 1) prefillLeftIn++;
      decoding.push({ x: batch, y: itlMs });
    } else if (decode.prefillFraction < 1) {
      decoding.push({ x: decode.sequences, y: decode.decodeMs, measured: itlMs });
    } else {
      refusals.push({ kind: "mostly-prefill", batch, found: decode.prefillFraction });
    }
  }
  return { decoding, prefillLeftIn, refusals: refusals.toSorted((a, b) => a.batch - b.batch) };
}
