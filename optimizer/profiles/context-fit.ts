import { certain } from "../certain.ts";
import { identifyLine, type IdentifiedLine, type LineRefusal } from "./identify-line.ts";
import { leastSquares } from "./least-squares.ts";
import type { MeasuredPoint } from "./measured-point.ts";
import { withoutPrefill } from "./prefill-interference.ts";

/**
 * How one model performs on one replica shape at any length of its sequences: a sequence of `c` kept tokens takes
 * `beta + betaPerToken·c` ms of a decode iteration.
 */
export interface ContextParameters {
  readonly alphaMs: number;
  /** Per decoding sequence, whatever its length. */
  readonly betaMs: number;
  /** Per decoding sequence and token that it keeps: the reading of keys and values. */
  readonly betaMsPerToken: number;
  readonly gammaMs: number;
  readonly deltaMs: number;
}

export interface ContextFit {
  readonly ok: true;
  readonly parameters: ContextParameters;
  readonly prefill: IdentifiedLine;
  /** Of the inter-token latencies: root of the mean squared residual, and the largest, relative to what was measured. */
  readonly relativeRmse: number;
  readonly maxRelativeResidual: number;
  readonly pointCount: number;
  /** Relative half-width that 95 % of times within the measured range are expected in. */
  readonly uncertaintyFraction: number;
}

export type ContextRefusal = LineRefusal | { readonly kind: "dependent" | "negative" };

/** Points whose inter-token latency is mostly prefill say little about decoding, and much about the prefill's model. */
const mostPrefill = 0.5;

/** Standard deviations within which 95 % of a normal distribution lie. */
const deviationsWithin95Percent = 2;

/** Tokens that a sequence keeps on average while it decodes: the prompt and half of the answer. */
export function keptTokens(sequence: {
  readonly inputTokens: number;
  readonly outputTokens: number;
}): number {
  return sequence.inputTokens + sequence.outputTokens / 2;
}

/**
 * Least-squares fit over points of different sequence lengths: time to first token as in `fitProfile`, and
 * `itl = alpha + (beta + betaPerToken·kept)·sequences` with the prefill of other requests taken off.
 *
 * @param points with all five values each.
 */
export function fitOverContext(
  points: readonly Required<MeasuredPoint>[],
  maxBatchedTokens: number,
): ContextFit | { readonly ok: false; readonly refusal: ContextRefusal } {
  // Sums depend on their order in the last digits: one order for the same points, however they come.
  const ordered = points.toSorted(
    (a, b) =>
      a.batch - b.batch ||
      a.inputTokens - b.inputTokens ||
      a.outputTokens - b.outputTokens ||
      a.itlMs - b.itlMs ||
      a.ttftMs - b.ttftMs,
  );
  const alone = ordered.filter(({ batch }) => batch === 1);
  const identified = identifyLine(
    "ttft",
    alone.map(({ inputTokens, ttftMs }) => ({ x: inputTokens, y: ttftMs })),
  );
  if (!identified.ok) return { ok: false, refusal: identified.refusal };
  const prefill = identified.line;
  const rows: number[][] = [];
  const targets: number[] = [];
  for (const point of ordered) {
    const decode = withoutPrefill(
      point,
      { gammaMs: prefill.intercept, deltaMs: prefill.slope },
      maxBatchedTokens,
    );
    if (!decode || decode.prefillFraction > mostPrefill) continue;
    const { sequences } = decode;
    rows.push([1, sequences, sequences * keptTokens(point)].map((value) => value / point.itlMs));
    targets.push(decode.decodeMs / point.itlMs);
  }
  const coefficients = leastSquares(rows, targets);
  if (!coefficients) return { ok: false, refusal: { kind: "dependent" } };
  if (coefficients.some((value) => value < 0)) return { ok: false, refusal: { kind: "negative" } };
  const [alphaMs = 0, betaMs = 0, betaMsPerToken = 0] = coefficients;
  const residuals = rows.map(
    ([one = 0, sequences = 0, kept = 0], index) =>
      alphaMs * one + betaMs * sequences + betaMsPerToken * kept - certain(targets[index]),
  );
  const relativeRmse = Math.sqrt(residuals.reduce((sum, value) => sum + value ** 2, 0) / residuals.length);
  return {
    ok: true,
    parameters: { alphaMs, betaMs, betaMsPerToken, gammaMs: prefill.intercept, deltaMs: prefill.slope },
    prefill,
    relativeRmse,
    maxRelativeResidual: residuals.reduce((most, residual) => Math.max(most, Math.abs(residual)), 0),
    pointCount: rows.length,
    uncertaintyFraction: Math.max(deviationsWithin95Percent * relativeRmse, prefill.uncertaintyFraction),
  };
}
