import { errorAt, fitLine, valueAt, type LineFit, type LinePoint } from "./line-fit.ts";

/** Why measurements do not tell a line's parameters: data, rendered only where it is printed. */
export interface LineRefusal {
  readonly kind: "no-points" | "one-value" | "narrow-range" | "falling" | "negative-start" | "no-line";
  /** What was measured. */
  readonly measured: LineSubject;
  /** Points that there are. */
  readonly points: number;
  /**
   * `one-value`: the value. `narrow-range`: largest over smallest. `falling`: relative change over the range.
   * `negative-start`: intercept over the smallest time. `no-line`: relative uncertainty.
   */
  readonly found: number;
  /** What would be accepted of `found`; 0 where nothing of the kind would. */
  readonly allowed: number;
}

/** `itl` over sequences, `ttft` over prompt tokens of single requests, `latency` over requests of a batch. */
export type LineSubject = "itl" | "ttft" | "latency";

export interface IdentifiedLine extends LineFit {
  /** Relative half-width that times within the measured range are expected in. */
  readonly uncertaintyFraction: number;
  /** A parameter that came out below 0 by less than its noise, and is held at 0. */
  readonly heldAtZero?: "intercept" | "slope";
}

export type LineIdentification =
  | { readonly ok: true; readonly line: IdentifiedLine }
  | { readonly ok: false; readonly refusal: LineRefusal };

/** Below it, the noise of a few percent that repeated benchmarks show decides the slope. */
const leastRange = 1.5;

/** Means of benchmark runs differ from day to day by up to about this share, however little the points of one day do. */
const repeatability = 0.1;

/** What is assumed of a line through two points, which go through it by necessity: half of an estimate's uncertainty. */
const unprovenUncertainty = 0.25;

/** A fit that is less certain than this is worth no more than an estimate from the model's dimensions. */
const mostUncertainty = 0.5;

/** Standard errors within which 95 % of a normal distribution lie. */
const errorsWithin95Percent = 2;

/**
 * The line with parameters of at least 0, or why the points do not tell it.
 *
 * @param from where the line is used at the least, which may lie below the smallest x.
 */
export function identifyLine(
  measured: LineSubject,
  points: readonly LinePoint[],
  from?: number,
): LineIdentification {
  const refuse = (kind: LineRefusal["kind"], found: number, allowed: number): LineIdentification => ({
    ok: false,
    refusal: { kind, measured, points: points.length, found, allowed },
  });
  if (points.length === 0) return refuse("no-points", 0, 2);
  let least = Infinity;
  let most = 0;
  let smallestTime = Infinity;
  for (const { x, y } of points) {
    least = Math.min(least, x);
    most = Math.max(most, x);
    smallestTime = Math.min(smallestTime, y);
  }
  if (least === most) return refuse("one-value", least, 2);
  if (most / least < leastRange) return refuse("narrow-range", most / least, leastRange);

  const free = fitLine(points);
  let line: LineFit = free;
  let heldAtZero: IdentifiedLine["heldAtZero"];
  if (free.slope < 0) {
    const change = (free.slope * (most - least)) / valueAt(free, least);
    if (beyondNoise(free, free.slope, free.slopeError, change)) return refuse("falling", change, 0);
    line = fitLine(points, "intercept");
    heldAtZero = "slope";
  } else if (free.intercept < 0) {
    const start = free.intercept / smallestTime;
    if (beyondNoise(free, free.intercept, free.interceptError, start))
      return refuse("negative-start", start, 0);
    line = fitLine(points, "slope");
    heldAtZero = "intercept";
  }
  const uncertaintyFraction = uncertaintyOf(line, Math.min(from ?? least, least), most);
  if (uncertaintyFraction > mostUncertainty) return refuse("no-line", uncertaintyFraction, mostUncertainty);
  return { ok: true, line: { ...line, uncertaintyFraction, ...(heldAtZero ? { heldAtZero } : {}) } };
}

/** Whether a parameter below 0 is more than a bad day's measurement: by its size, and by its standard error where there is one. */
function beyondNoise(line: LineFit, value: number, standardError: number, relative: number): boolean {
  if (relative >= -repeatability) return false;
  return line.degreesOfFreedom === 0 || value + errorsWithin95Percent * standardError < 0;
}

function uncertaintyOf(line: LineFit, from: number, to: number): number {
  if (line.degreesOfFreedom === 0) return unprovenUncertainty;
  const ends = [from, to].map((x) => errorAt(line, x) / valueAt(line, x));
  return Math.max(
    line.maxRelativeResidual,
    errorsWithin95Percent * Math.max(line.relativeDeviation, ...ends),
  );
}
