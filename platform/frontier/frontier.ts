import type { PartialDevice } from "../../optimizer/catalog/catalog.ts";
import type { Rejection } from "../../optimizer/workload.ts";
import type { PlatformPlan } from "../plan/platform-plan.ts";
import type { Varied } from "./scale-spec.ts";

/** What a platform would cost at other loads and other latency targets. Plain data: `JSON.stringify` loses nothing. */
export interface Frontier {
  readonly apiVersion: "domino-inference/v1";
  readonly kind: "Frontier";
  /** `metadata.name` of the spec. */
  readonly platform: string;
  readonly stage: PlatformPlan["stage"];
  readonly catalog: PlatformPlan["catalog"];
  /** Most that the nodes may cost an hour, as the spec says it. */
  readonly budgetUsdPerHour?: number;
  /** Replica groups whose replicas are written in the spec: no factor changes them. Sorted. */
  readonly fixedGroups: readonly string[];
  /** Models whose speed is estimated, not measured, at some point; absent where every point is measured. */
  readonly estimates?: {
    /** Sorted. */
    readonly models: readonly string[];
    /** Largest of their uncertainties: 0.5 is ±50 %. */
    readonly uncertaintyFraction: number;
  };
  readonly curves: readonly FrontierCurve[];
}

/** One plan for each factor. */
export interface FrontierCurve {
  readonly vary: Varied;
  /** Servers whose load or targets are multiplied, sorted; without targets a server is not on the `slo` curve. */
  readonly servers: readonly string[];
  /** By ascending factor; the spec as written (factor 1) and the two sides of `placed` are among them. */
  readonly points: readonly FrontierPoint[];
  /** Where servers begin to be left out. */
  readonly placed: FrontierLimit;
  /** Where the nodes for every server begin to cost more than the budget; absent where the spec has none. */
  readonly withinBudget?: FrontierLimit;
}

/**
 * How far towards more load, or tighter targets, a condition holds. `throughout`: at every factor looked at. `nowhere`:
 * not even at the easiest one. `up-to`: it holds at `lastFactor` and is broken at `brokenFactor`, at most 1 % away.
 */
export type FrontierLimit =
  | { readonly holds: "throughout" }
  | { readonly holds: "nowhere" }
  | { readonly holds: "up-to"; readonly lastFactor: number; readonly brokenFactor: number };

export interface FrontierPoint {
  /** 1 is the spec as written. */
  readonly factor: number;
  /** Of all nodes. What unplaced servers would cost is not in it. */
  readonly usdPerHour: number;
  readonly nodes: number;
  /** Cards paid for. */
  readonly gpus: number;
  readonly replicas: number;
  readonly servers: number;
  readonly serversPlaced: number;
  /** Absent where the spec has no budget. */
  readonly withinBudget?: boolean;
  /** Sorted by name. */
  readonly groups: readonly FrontierGroup[];
  readonly nodePools: readonly FrontierPool[];
  readonly unplaced: readonly UnplacedServers[];
  /** What is decided otherwise than at the next smaller factor; empty at the smallest. Sorted by group. */
  readonly changes: readonly DecisionChange[];
}

/** What a replica group runs on. */
export interface FrontierGroup {
  readonly name: string;
  readonly accelerator: string;
  readonly gpusPerReplica: number;
  readonly replicas: number;
  /** Share of the node cost, by cards. */
  readonly usdPerHour: number;
}

export interface FrontierPool {
  readonly accelerator: string;
  /** What the accelerator is where it is not a whole card. */
  readonly device?: PartialDevice;
  readonly instanceType: string;
  readonly nodes: number;
  readonly usdPerHour: number;
}

/** Servers that one group would have held. */
export interface UnplacedServers {
  readonly servers: readonly string[];
  /** The choice that came nearest; absent where no accelerator carries the model. */
  readonly nearestMiss?: Rejection;
}

/** `shape`: other cards, or another number of them in a replica. `replicas`: more or fewer of the same. */
export interface DecisionChange {
  readonly group: string;
  readonly kind: "shape" | "replicas" | "placed" | "unplaced";
  /** Absent where the group was not placed. */
  readonly from?: GroupShape;
  /** Absent where the group is placed no more. */
  readonly to?: GroupShape;
}

export type GroupShape = Pick<FrontierGroup, "accelerator" | "gpusPerReplica" | "replicas">;
