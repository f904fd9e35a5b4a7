/** A minimisation over whole numbers x: 0 <= x <= columnUpper, rowLower <= rows x <= rowUpper. */
export interface Mip {
  readonly columnCost: Float64Array;
  readonly columnUpper: Float64Array;
  readonly rowLower: Float64Array;
  readonly rowUpper: Float64Array;
  /** Rows in compressed form: the first entry of each row, and the number of entries after the last. */
  readonly rowStart: Int32Array;
  readonly columnIndex: Int32Array;
  readonly coefficient: Float64Array;
}

export interface MipLimits {
  /** Time in s after which the best solution so far is returned. */
  readonly seconds: number;
  /** Nodes of the search tree after which the same happens; the same on every machine. Unlimited if absent. */
  readonly nodes?: number;
  /** An answer within this difference of the least cost there can be is taken as the optimum. */
  readonly absoluteGap: number;
}

export interface MipOutcome {
  /** `infeasible` says that there is no solution; `stopped` that a limit was reached. */
  readonly status: "optimal" | "infeasible" | "stopped";
  /** No solution costs less than this; minus infinity where nothing is known. */
  readonly bound: number;
  /** The best solution found. */
  readonly solution?: Float64Array;
}

/**
 * @param start a solution to begin with.
 * @param onSolution called with each better solution as it is found.
 */
export type MipSolver = (
  mip: Mip,
  limits: MipLimits,
  start?: Float64Array,
  onSolution?: (solution: Float64Array) => void,
) => MipOutcome;
