import highsModule from "highs";
import type { Highs, ModelData } from "highs";

import type { Mip, MipOutcome, MipSolver } from "./mip.ts";

// The package declares its types for CommonJS, where the default export lies one deeper than in the module that runs.
const loadHighs = highsModule as unknown as typeof highsModule.default;

/** HiGHS, compiled to WebAssembly: one thread, and the same answer to the same question. */
export async function createHighsSolver(): Promise<MipSolver> {
  const highs = await loadHighs();
  return (mip, limits, start, onSolution) => {
    if (mip.columnCost.length === 0) return withoutColumns(mip);
    return highs.withModel(modelData(highs, mip), (model): MipOutcome => {
      model.options.set({
        output_flag: false,
        time_limit: limits.seconds,
        mip_rel_gap: 0,
        // Rows of large units would turn the default of 1e-6 into a whole unit.
        mip_feasibility_tolerance: 1e-9,
        mip_abs_gap: limits.absoluteGap,
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
      if (status === infeasible) return { status: "infeasible", bound: Number.POSITIVE_INFINITY };
      const hasSolution =
        model.info.get("primal_solution_status") === highs.constants.solutionStatus.feasible;
      return {
        status: status === optimal ? "optimal" : "stopped",
        bound: Number(model.info.get("mip_dual_bound")),
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

function modelData(highs: Highs, mip: Mip): ModelData {
  const columns = mip.columnCost.length;
  return {
    numCols: columns,
    numRows: mip.rowLower.length,
    colCost: mip.columnCost,
    colLower: new Float64Array(columns),
    colUpper: mip.columnUpper,
    integrality: new Array<1>(columns).fill(highs.constants.variableType.integer),
    rowLower: mip.rowLower,
    rowUpper: mip.rowUpper,
    matrix: {
      format: "csr",
      numRows: mip.rowLower.length,
      numCols: columns,
      starts: mip.rowStart,
      indices: mip.columnIndex,
      values: mip.coefficient,
    },
  };
}
