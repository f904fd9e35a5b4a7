import highsModule from "highs";
import type { Highs, ModelData } from "highs";

import { certain } from "../certain.ts";
import type { Mip, MipOutcome, MipSolver } from "./mip.ts";

// The package declares its types for CommonJS, where the default export lies one deeper than in the module that runs.
const loadHighs = highsModule as unknown as typeof highsModule.default;

/** HiGHS, compiled to WebAssembly: one thread, and the same answer to the same question. */
export async function createHighsSolver(): Promise<MipSolver> {
  const highs = await loadHighs();
  return (mip, limits, start, onSolution) => {
    if (mip.columnCost.length === 0) return withoutColumns(mip);
    const costScale = scaleOf(mip.columnCost);
    return highs.withModel(modelData(highs, mip, costScale), (model): MipOutcome => {
      model.options.set({
        output_flag: false,
        time_limit: limits.seconds,
        mip_rel_gap: 0,
        // Rows of large units would turn the default of 1e-6 into a whole unit.
        mip_feasibility_tolerance: 1e-9,
        mip_abs_gap: limits.absoluteGap * costScale,
        ...(limits.nodes === undefined ? {} : { mip_max_nodes: limits.nodes }),
      });
      if (start) model.setSolution({ colValue: start });
      model.run({
        [highs.constants.callbackType.mipImprovingSolution]: ({ data }) => {
          if (data.mip_solution) onSolution?.(data.mip_solution);
          return undefined;
        },
      });
      const status = model.getModelStatus();
      const { optimal, infeasible } = highs.constants.modelStatus;
      if (status === infeasible) {
        // A start that is feasible says otherwise: then rounding has the better of HiGHS, which knows nothing.
        return start
          ? { status: "stopped", bound: Number.NEGATIVE_INFINITY }
          : { status: "infeasible", bound: Number.POSITIVE_INFINITY };
      }
      const hasSolution =
        model.info.get("primal_solution_status") === highs.constants.solutionStatus.feasible;
      return {
        status: status === optimal ? "optimal" : "stopped",
        bound: Number(model.info.get("mip_dual_bound")) / costScale,
        ...(hasSolution ? { solution: model.getSolution().colValue } : {}),
      };
    });
  };
}

/** What HiGHS calls an empty model: its rows hold or do not. */
function withoutColumns(mip: Mip): MipOutcome {
  const holds = mip.rowLower.every((lower) => lower <= 0) && mip.rowUpper.every((upper) => upper >= 0);
  return holds
    ? { status: "optimal", bound: 0, solution: new Float64Array() }
    : { status: "infeasible", bound: Number.POSITIVE_INFINITY };
}

/** Largest magnitudes between which HiGHS' absolute tolerances fit as they are. */
const smallestFit = 1;
const largestFit = 1e7;

/** A power of two, which rounds nothing, that brings the largest magnitude to where the tolerances fit. */
function scaleOf(values: Float64Array): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  if (largest === 0 || (largest >= smallestFit && largest <= largestFit)) return 1;
  return 2 ** Math.max(Math.min(16 - Math.floor(Math.log2(largest)), 1000), -1000);
}

function modelData(highs: Highs, mip: Mip, costScale: number): ModelData {
  const columns = mip.columnCost.length;
  const rowLower = mip.rowLower.slice();
  const rowUpper = mip.rowUpper.slice();
  const values = mip.coefficient.slice();
  for (let row = 0; row < rowLower.length; row++) {
    const start = mip.rowStart[row];
    const end = mip.rowStart[row + 1];
    const scale = scaleOf(values.subarray(start, end));
    if (scale === 1) continue;
    rowLower[row] = certain(rowLower[row]) * scale;
    rowUpper[row] = certain(rowUpper[row]) * scale;
    values.subarray(start, end).forEach((value, at, all) => (all[at] = value * scale));
  }
  return {
    numCols: columns,
    numRows: rowLower.length,
    colCost: mip.columnCost.map((cost) => cost * costScale),
    colLower: new Float64Array(columns),
    colUpper: mip.columnUpper,
    integrality: new Array<1>(columns).fill(highs.constants.variableType.integer),
    rowLower,
    rowUpper,
    matrix: {
      format: "csr",
      numRows: rowLower.length,
      numCols: columns,
      starts: mip.rowStart,
      indices: mip.columnIndex,
      values,
    },
  };
}
