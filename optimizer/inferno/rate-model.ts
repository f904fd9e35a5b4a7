import type { ModelPerformance } from "./inferno-system.ts";

/** A model of one replica, to be asked at one arrival rate after another. It holds the last answer. */
export interface RateModel {
  /** Lowest arrival rate that is sized for: requests hardly ever meet. */
  readonly lowestPerMs: number;
  /** Highest arrival rate that is sized for, just below saturation; infinite where requests take no time. */
  readonly highestPerMs: number;
  /**
   * Share of the highest rate that is planned for where no target limits waiting. Below 1 where the queue has no end,
   * since nothing else would keep it short.
   */
  readonly unlimitedWaitingFraction: number;
  /** Share of the largest rate that is planned for: below 1 where the model is an approximation of what engines do. */
  readonly plannedShareOfRate: number;
  /** Relative precision to which rates are found: far below what the model is known to. */
  readonly precision: number;
  /** Sets the answers below to what the replica does at the rate: above 0, and at most the highest. */
  solve(arrivalsPerMs: number): void;
  /** Requests a ms that are served, after those turned away. */
  readonly throughputPerMs: number;
  readonly itlMs: number;
  readonly ttftMs: number;
  /** Mean share of the batch slots in use, 0…1. */
  readonly rho: number;
}

/** Requests that a replica serves: mean prompt tokens, and mean output tokens of at least 1. */
export interface RequestTokens {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Which model: gives the model of one replica. An earlier one may not be used any more: its memory is used again. */
export type RateModels = (
  performance: ModelPerformance,
  tokens: RequestTokens,
  maxBatchSize: number,
) => RateModel;

/** Inferno sizes between a thousandth of what one request at a time gives … */
export const lowestLoadFraction = 0.001;
/** … and just below saturation, where times would be set by the queue's room alone. */
export const highestLoadFraction = 0.999;
