import type { ContextParameters } from "../context-fit.ts";

/** A configuration that somebody measured and published, as it was fitted. */
export interface MeasuredSet {
  /** Catalog models with this network; their weights differ, their times do not. */
  readonly models: readonly string[];
  readonly bytesPerWeight: number;
  /** Accelerator name as in the catalog. */
  readonly accelerator: string;
  readonly gpusPerReplica: number;
  readonly parameters: ContextParameters;
  /** Requests in flight that were measured at the most. */
  readonly maxBatchSize: number;
  /** Tokens that sequences kept on average in the shortest and the longest runs: beyond them nothing is known. */
  readonly keptTokens: { readonly least: number; readonly most: number };
  /** Relative half-width that 95 % of the measured times lie in. */
  readonly uncertaintyFraction: number;
  /** What served the model; another engine has other overheads and kernels. */
  readonly engine: string;
  /** Who measured it, on what and when. */
  readonly source: string;
}
