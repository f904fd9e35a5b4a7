import { studentT } from "./student-t.ts";

export interface LinePoint {
  readonly x: number;
  /** Above 0. */
  readonly y: number;
  /**
   * The measured value that y was derived from, above 0; its error is y's, and residuals are shares of it.
   * @default y
   */
  readonly measured?: number;
}

/** A straight line through measured points, with what the points say about its parameters. */
export interface LineFit {
  readonly intercept: number;
  readonly slope: number;
  /** Standard error; 0 where the intercept was not fitted, infinite where no point is left over to judge by. */
  readonly interceptError: number;
  /** As `interceptError`. */
  readonly slopeError: number;
  /** Standard deviation of the relative residuals, (line - y)/measured; infinite where no point is left over to judge by. */
  readonly relativeDeviation: number;
  /** Root of the mean squared relative residual. */
  readonly relativeRmse: number;
  readonly maxRelativeResidual: number;
  readonly pointCount: number;
  /** Points beyond the parameters that were fitted: 0 where the line goes through all of them by necessity. */
  readonly degreesOfFreedom: number;
  /** Where the line is known best, and its standard error there. */
  readonly centre: number;
  readonly centreError: number;
}

/**
 * Which parameters are fitted. `slope` and `intercept` hold the other one at 0, for data that would make it negative
 * by less than its noise.
 */
export type FittedParameters = "both" | "slope" | "intercept";

/**
 * Weighted least squares of y = intercept + slope·x, in closed form.
 *
 * Every point weighs 1/measured², so that relative residuals are minimised: the error of a benchmark's mean grows with the
 * mean, and targets are missed by percents, so that 1 ms off at 10 ms matters as much as 10 ms off at 100 ms.
 *
 * Throws a RangeError without points, with a y that is not above 0, and where both parameters are wanted of points
 * that all have the same x.
 */
export function fitLine(points: readonly LinePoint[], fitted: FittedParameters = "both"): LineFit {
  if (points.length === 0 || !points.every(usable)) {
    throw new RangeError(`a line needs points with finite x and y above 0, and got ${points.length}`);
  }
  // Sums depend on their order in the last digits: one order for the same points, however they come.
  const ordered = points
    .map(({ x, y, measured = y }) => ({ x, y, measured }))
    .toSorted((a, b) => a.x - b.x || a.y - b.y || a.measured - b.measured);
  let weights = 0;
  let weightedX = 0;
  let weightedY = 0;
  for (const { x, y, measured } of ordered) {
    const weight = 1 / measured ** 2;
    weights += weight;
    weightedX += weight * x;
    weightedY += weight * y;
  }
  // Around the centre the two parameters do not disturb each other, and nothing cancels.
  const centre = fitted === "both" ? weightedX / weights : 0;
  const level = weightedY / weights;
  let squares = 0;
  let products = 0;
  for (const { x, y, measured } of ordered) {
    const weight = 1 / measured ** 2;
    squares += weight * (x - centre) ** 2;
    products += weight * (x - centre) * (fitted === "both" ? y - level : y);
  }
  if (fitted !== "intercept" && !(squares > 0)) {
    throw new RangeError("points that all have the same x say nothing about a slope");
  }
  const slope = fitted === "intercept" ? 0 : products / squares;
  const intercept = fitted === "slope" ? 0 : level - slope * centre;

  const residuals = ordered.map(({ x, y, measured }) => (intercept + slope * x - y) / measured);
  const sumOfSquares = residuals.reduce((sum, residual) => sum + residual ** 2, 0);
  const degreesOfFreedom = ordered.length - (fitted === "both" ? 2 : 1);
  const relativeDeviation = degreesOfFreedom > 0 ? Math.sqrt(sumOfSquares / degreesOfFreedom) : Infinity;
  const centreError = fitted === "slope" ? 0 : relativeDeviation / Math.sqrt(weights);
  const slopeError = fitted === "intercept" ? 0 : relativeDeviation / Math.sqrt(squares);
  return {
    intercept,
    slope,
    interceptError: centre === 0 ? centreError : Math.hypot(centreError, slopeError * centre),
    slopeError,
    relativeDeviation,
    relativeRmse: Math.sqrt(sumOfSquares / ordered.length),
    maxRelativeResidual: residuals.reduce((most, residual) => Math.max(most, Math.abs(residual)), 0),
    pointCount: ordered.length,
    degreesOfFreedom,
    centre,
    centreError,
  };
}

export function valueAt(line: LineFit, x: number): number {
  return line.intercept + line.slope * x;
}

/** Standard error of the line's value at x; infinite where no point is left over to judge by. */
export function errorAt(line: LineFit, x: number): number {
  const distance = x - line.centre;
  return distance === 0 ? line.centreError : Math.hypot(line.centreError, line.slopeError * distance);
}

/** Half-width of the 95 % confidence interval of a parameter with the given standard error. */
export function halfWidth(line: LineFit, standardError: number): number {
  return standardError === 0 ? 0 : studentT(line.degreesOfFreedom) * standardError;
}

function usable({ x, y, measured = y }: LinePoint): boolean {
  return Number.isFinite(x) && y > 0 && y < Infinity && measured > 0 && measured < Infinity;
}
