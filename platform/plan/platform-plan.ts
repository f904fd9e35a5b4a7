import type { PartialDevice } from "../../optimizer/catalog/catalog.ts";
import type { Rejection, Load, Slo } from "../../optimizer/workload.ts";
import type { Candidate, WorkloadPrediction } from "../../optimizer/allocation.ts";
import type { KarpenterPool } from "../../optimizer/packing/karpenter-pools.ts";
import type { Scarcity } from "../../optimizer/placement/scarcity.ts";
import type { ProfileOrigin } from "../../optimizer/profiles/performance-profile.ts";
import type { RoutingTable, WireProtocol } from "../routes/routing-table.ts";
import type { EngineType } from "../engines/registry.ts";
import type { DeploymentPattern } from "../engines/engine-profile.ts";
import type { AutoscalingPlan } from "../scaling/autoscaling-plan.ts";
import type { EnvironmentSpec } from "../spec/runtime-schema.ts";
import type { Stage } from "../spec/schema.ts";
import type { ModelStorage } from "./model-storage.ts";

/** Everything that follows from a spec, every number resolved. Plain data: `JSON.stringify` loses nothing. */
export interface PlatformPlan {
  readonly apiVersion: "domino-inference/v1";
  readonly kind: "PlatformPlan";
  /** `metadata.name` of the spec. */
  readonly platform: string;
  readonly stage: Stage;
  readonly catalog: { readonly version: string; readonly pricesAsOf: string; readonly region: string };
  /** Sorted by name. */
  readonly engines: readonly EnginePlan[];
  /** Sorted by name. */
  readonly groups: readonly ReplicaGroupPlan[];
  /** Sorted by id. */
  readonly servers: readonly ServerPlan[];
  /** Sorted by name. */
  readonly nodePools: readonly NodePoolPlan[];
  /**
   * The same nodes as Karpenter would have to be told of them, for clusters where it launches the nodes; the stacks of
   * this program make managed node groups of `nodePools`. Only those with whole cards.
   */
  readonly karpenterPools: readonly KarpenterPool[];
  readonly routes: RoutingTable;
  readonly unplaced: readonly UnplacedPlan[];
  /** Limited accelerators of which a few more cards would place more or save money, and what. */
  readonly scarce: readonly Scarcity[];
  /** Namespaces that the engines live in, the first one (the platform's own) also holds the proxy. */
  readonly namespaces: readonly NamespacePlan[];
  readonly totals: PlanTotals;
  /** Sizes by the time of day; absent where no load changes over the day. */
  readonly schedule?: SchedulePlan;
  /** Most that the nodes may cost an hour, as the spec says it. */
  readonly budgetUsdPerHour?: number;
}

/** One entry of `engines` in the spec, with its defaults filled in. */
export interface EnginePlan {
  readonly name: string;
  readonly type: EngineType;
  readonly protocol: WireProtocol;
  readonly namespace: string;
  readonly image: string;
  readonly pattern: DeploymentPattern;
  readonly loading: "preload" | "on-demand";
  readonly storage: ModelStorage;
  /** Its own options as its schema gives them; empty where the spec has none. */
  readonly options: object;
  /** Names of its replica groups. */
  readonly groups: readonly string[];
}

/** Identical replicas behind one Kubernetes Service: one Deployment in a cluster, one emulated engine locally. */
export interface ReplicaGroupPlan {
  /** Name of the Deployment and the Service; at most 63 characters. */
  readonly name: string;
  readonly engine: string;
  readonly engineType: EngineType;
  readonly namespace: string;
  readonly models: readonly GroupModel[];
  /** Service classes served here, most important first. */
  readonly serviceClasses: readonly string[];
  readonly accelerator: string;
  /** What the accelerator is where it is not a whole card. */
  readonly device?: PartialDevice;
  /** One of the two pools of a disaggregated model; absent where replicas do both. */
  readonly role?: "prefill" | "decode";
  /** Accelerators of one replica: cards, or one slice or share. */
  readonly gpusPerReplica: number;
  /** Nodes that one replica spans, a pod on each with an equal share of its accelerators. */
  readonly nodesPerReplica: number;
  readonly replicas: number;
  /** Who may change `replicas` after deployment; exactly one. */
  readonly replicasOwner: "plan" | "hpa" | "keda" | "engine";
  /** Absent where no autoscaler scales the group. */
  readonly autoscaling?: AutoscalingPlan;
  /** The most replicas that a planner of the engine's own may make; absent where there is none. */
  readonly plannerMaxReplicas?: number;
  /** `spec`: written there. `optimizer`: computed from load and SLOs. */
  readonly replicasFrom: "spec" | "optimizer";
  readonly maxBatchSize: number;
  /** The spec's own, engine and model together; secrets by reference. */
  readonly environment: EnvironmentSpec;
  /** The spec's own, after those of the engine's profile. */
  readonly arguments: readonly string[];
  /** Requests (and limits) of one pod. */
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  /** Size of the memory-backed /dev/shm, part of `memoryMiB`. */
  readonly sharedMemoryMiB: number;
  /** Time a replica may take from start to ready: from the weights and an assumed read rate. */
  readonly startupSeconds: number;
  readonly weightsGiB: number;
  readonly utilisation: number;
  readonly maxRequestsPerMinutePerReplica: number;
  /** Joint offered load of the group. */
  readonly requestsPerMinute: number;
  /** Share of its servers' requests that the group gets, where another one on other accelerators gets the rest. */
  readonly share?: number;
  /** Share of the node cost: by cards, of the pools its replicas run on. */
  readonly usdPerHour: number;
  /** Names of the node pools that its replicas were packed onto. */
  readonly nodePools: readonly string[];
  /**
   * `pack`: replicas with more GPUs need whole nodes of the same accelerator, so these must not lie on all of them.
   * `spread`: there are none, and losing a node should cost as few replicas as can be.
   */
  readonly placement: "pack" | "spread";
  /** What set the replica count, and the next best choice. */
  readonly explanation: GroupExplanation;
}

export interface GroupModel {
  readonly name: string;
  /** Versions served by this group, with their weight in percent over all groups. */
  readonly versions: readonly { readonly version: string; readonly weight: number }[];
  /** Performance parameters that the sizing and the emulator use. */
  readonly parameters: {
    readonly alphaMs: number;
    readonly betaMs: number;
    readonly gammaMs: number;
    readonly deltaMs: number;
  };
  readonly task: "generation" | "request-response";
  /** Longest sequence the model takes, in tokens. */
  readonly maxSequenceTokens: number;
  /** More names that requests may ask for it by; absent where there are none. */
  readonly otherNames?: readonly string[];
  /** The engine's own options of the model, as their schema gives them; empty where the spec has none. */
  readonly options: object;
  readonly origin: ProfileOrigin;
}

/** One of two pools that a generation model could be split into. */
export interface PoolExplanation {
  readonly accelerator: string;
  readonly gpusPerReplica: number;
  readonly replicas: number;
}

export interface GroupExplanation {
  readonly binding: Candidate["binding"];
  readonly bindingSlo?: { readonly workload: string; readonly target: string };
  /** The next best shape and what it would add to the platform's node cost; absent where there is none. */
  readonly nextBest?: {
    readonly accelerator: string;
    readonly gpusPerReplica: number;
    readonly replicas: number;
    readonly extraUsdPerHour: number;
  };
  /**
   * The cheapest split into replicas that read prompts and replicas that generate, as an engine needs it that moves keys
   * and values between them; its cost at the price of the cards, against the same of the planned replicas. Absent where
   * no split holds the targets.
   */
  readonly disaggregated?: {
    readonly prefill: PoolExplanation;
    readonly decode: PoolExplanation;
    readonly extraUsdPerHour: number;
  };
}

/** A pair of model and service class. */
export interface ServerPlan {
  /** `<engine>/<model>/<version>/<class>`. */
  readonly id: string;
  readonly engine: string;
  readonly model: string;
  readonly version: string;
  readonly serviceClass: string;
  readonly priority: number;
  readonly slo: Slo;
  readonly load: Load;
  readonly task: "generation" | "request-response";
  /**
   * The first of its groups, where it is split over two; of two pools the one that generates. Absent where the server
   * could not be placed.
   */
  readonly group?: string;
  readonly prediction?: Omit<WorkloadPrediction, "workload">;
}

/** One EKS managed node group. */
export interface NodePoolPlan {
  /**
   * `<platform>-<instance type>`, with the slice where cards are cut, and `-spot` or `-reserved` where it is that; dots
   * as dashes.
   */
  readonly name: string;
  readonly accelerator: string;
  /** What the accelerator is where it is not a whole card. */
  readonly device?: PartialDevice;
  readonly instanceType: string;
  /** Absent: on demand. */
  readonly purchase?: "spot" | "reserved";
  /** Accelerators of one node. */
  readonly gpusPerNode: number;
  /** What the quietest part of the day needs; the desired number where loads are the same all day. */
  readonly minNodes: number;
  readonly desiredNodes: number;
  /** One more than any part of the day needs: room to replace a node. */
  readonly maxNodes: number;
  /** Of `desiredNodes`. */
  readonly usdPerHour: number;
  /** What pods may request of one node, after kubelet and daemons. */
  readonly allocatable: { readonly cpuMillis: number; readonly memoryMiB: number; readonly gpuCount: number };
  readonly nodes: readonly {
    /** Pods: a replica that spans several nodes counts once on each of them. */
    readonly replicas: readonly { readonly group: string; readonly count: number }[];
    /** Room kept free for more replicas, in pods; absent where none is. */
    readonly spare?: readonly { readonly group: string; readonly count: number }[];
  }[];
}

/** Servers that cannot be placed, with the nearest misses first. */
export interface UnplacedPlan {
  readonly servers: readonly string[];
  readonly misses: readonly Rejection[];
}

export interface NamespacePlan {
  readonly name: string;
  /** Upper bounds for the namespace's ResourceQuota, with room for one extra pod a group. */
  readonly quota: {
    readonly gpus: number;
    /** Slices of cards by their extended resource; absent where none are used. */
    readonly slices?: Readonly<Record<string, number>>;
    readonly pods: number;
    readonly cpuMillis: number;
    readonly memoryMiB: number;
  };
}

/**
 * What each part of the day needs. Groups, nodes and totals of the plan are those of the busiest sizes; until something
 * scales the groups by this schedule they stay there all day.
 */
export interface SchedulePlan {
  /** From midnight (UTC), in order. */
  readonly periods: readonly {
    readonly fromHour: number;
    readonly hours: number;
    /** By group; never below the group's least count. */
    readonly replicas: Readonly<Record<string, number>>;
    /** By instance type, with the slice where cards are cut, and the way they are bought where it is not on demand. */
    readonly nodes: Readonly<Record<string, number>>;
    readonly usdPerHour: number;
  }[];
  /** Nodes that follow the schedule. */
  readonly usdPerDay: number;
  /** The busiest sizes all day. */
  readonly usdPerDayAtPeak: number;
}

export interface PlanTotals {
  readonly usdPerHour: number;
  /** Proven: no nodes of the allowed types that hold the planned replicas cost less. */
  readonly lowerBoundUsdPerHour: number;
  readonly nodes: number;
  /** Cards paid for, whole or cut. */
  readonly gpus: number;
  /** Cards requested by replicas; slices count as the part that they are of a card. */
  readonly gpusUsed: number;
  readonly replicas: number;
  readonly servers: number;
  readonly serversPlaced: number;
  /** What models that share servers save; absent where none do. */
  readonly sharing?: {
    /** Models that share a server with others, and the groups they are on. */
    readonly models: number;
    readonly groups: number;
    /** Nodes of the whole platform if each of these models had servers of its own. */
    readonly separateUsdPerHour: number;
    readonly savedUsdPerHour: number;
  };
}
