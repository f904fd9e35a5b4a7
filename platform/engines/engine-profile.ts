import type { z } from "zod";
import type { Accelerator } from "../../optimizer/catalog/catalog.ts";
import type { ReplicaResources, ReplicaShape } from "../../optimizer/workload.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../plan/platform-plan.ts";
import type { StorageKind } from "../plan/model-storage.ts";
import type { WireProtocol } from "../routes/routing-table.ts";
import type { Raw } from "../spec/raw.ts";
import type { RuleProblem } from "../spec/rules.ts";
import type { AddonName } from "./addon-name.ts";

/**
 * How an engine comes into a cluster. `standalone`: plain workloads. `operator`: a custom resource that an operator
 * makes the workloads of. `helm`: a release of the engine's own chart.
 */
export type DeploymentPattern = "standalone" | "operator" | "helm";

/**
 * The facts of an inference engine. Spec rules, plan, routes, components, policies and the emulator all read them here,
 * so that a port or a probe is written once.
 */
export interface EngineProfile {
  /** What `engines[].type` of a spec says; its key in the registry. */
  readonly type: string;
  readonly title: string;
  readonly protocol: WireProtocol;
  /** The kind of model it serves. */
  readonly task: "generation" | "request-response";
  /** Whether the image also serves without a GPU. */
  readonly runsOnCpu: boolean;
  /**
   * Tokens that one iteration of a generation engine processes: what it is planned with and started with. Absent for
   * request/response engines.
   */
  readonly maxBatchedTokens?: number;
  /** Exact tag; a spec may override it. */
  readonly image: string;
  /** The first is the default. */
  readonly patterns: readonly DeploymentPattern[];
  /** The first of S3's is how `s3://…` alone is read. */
  readonly storage: readonly StorageKind[];
  /** Where the container sees the models of a volume: `<modelRoot>/<name>/<version>`. */
  readonly modelRoot: string;
  readonly loading: readonly ("preload" | "on-demand")[];
  /** `engine`: all models of an engine share its replicas. `model`: every model version and class has its own. */
  readonly replicasPer: "engine" | "model";
  /** Whether a replica may span several nodes. */
  readonly multiNode: boolean;
  readonly ports: { readonly http: number; readonly grpc?: number; readonly metrics: number };
  readonly probes: (engine: Pick<EnginePlan, "loading">) => EngineProbes;
  readonly metrics: {
    readonly path: string;
    /** Gauge of the requests that wait for a place in a batch: the signal for more replicas. */
    readonly queue: string;
  };
  /** Paths of the API that loads and unloads models at run time. Absent where there is none. */
  readonly repositoryApi?: {
    readonly index: string;
    readonly load: (model: string) => string;
    readonly unload: (model: string) => string;
  };
  /** User and group that the image can run as without root. */
  readonly runAs: { readonly userId: number; readonly groupId: number };
  readonly drain: {
    /** Time between removal from the endpoints and SIGTERM, so that proxies stop sending first. */
    readonly preStopSeconds: number;
    /** Longest request that a drain waits for. */
    readonly requestSeconds: number;
  };
  /** Size of the memory-backed /dev/shm of one pod in MiB. */
  readonly sharedMemoryMiB: (shape: ReplicaShape) => number;
  /** CPU and memory (shared memory included) that one pod of a replica requests. */
  readonly resources: (shape: ReplicaShape) => ReplicaResources;
  /**
   * `image`: the image's entry point runs the command, as it prepares the process (drivers, limits). `none`: the command
   * replaces it.
   */
  readonly entryPoint: "image" | "none";
  /** Without the extra arguments of the spec, which come after them. */
  readonly command: (group: ReplicaGroupPlan, engine: EnginePlan) => readonly string[];
  /** Environment of the container, without secrets and without that of the spec. */
  readonly environment: (group: ReplicaGroupPlan, engine: EnginePlan) => Readonly<Record<string, string>>;
  /** Schemas of the keys named after the engine's type, beside its own keys and beside those of a model. */
  readonly options: { readonly engine: z.ZodType<object>; readonly model: z.ZodType<object> };
  /** More names that requests may ask for a model by, such as those of its adapters. */
  readonly servedNames?: (model: { readonly options: object }) => readonly string[];
  /** What a spec may not set, and what sets it instead, by name without value. */
  readonly reserved: {
    readonly arguments: Readonly<Record<string, string>>;
    readonly environment: Readonly<Record<string, string>>;
  };
  /** Rules that only this engine has, on raw values. */
  readonly problems?: (engine: Raw, context: EngineRuleContext) => RuleProblem[];
  /** Whether a model has files on the storage. Absent: every model has. */
  readonly hasFiles?: (options: object) => boolean;
  /** Whether models have to lie on the same servers because of their options. Absent: they need not. */
  readonly staysWithOthers?: (options: object) => boolean;
  /** Bytes of one weight where a model's options change it, as quantisation does. */
  readonly bytesPerWeight?: (options: object) => number | undefined;
  /** Whether a model runs as two pools, one that reads prompts and one that generates. */
  readonly disaggregated?: (options: object) => boolean;
  /** The most GPUs that a planner of the engine's own may give a model, where it has one: it then owns the replicas. */
  readonly plannerGpus?: (options: object) => number | undefined;
  /**
   * What stands between the proxy and a group's replicas: of a disaggregated model, the same for both pools.
   * Absent: the group's own Service and pods.
   */
  readonly frontend?: (group: ReplicaGroupPlan) => EngineFrontend;
  /** What is brought onto the engine's volume before it starts; all in one bucket. */
  readonly staged?: (groups: readonly ReplicaGroupPlan[]) => readonly StagedSource[];
  /** Pods of an engine beside its replicas, such as frontends and jobs: its namespace has room for them too. */
  readonly otherPods?: (engine: EnginePlan, groups: readonly ReplicaGroupPlan[]) => readonly OtherPods[];
  /** Cluster add-ons that the resources of an entry need, as written; those of autoscaling and monitors aside. */
  readonly addons?: (engine: Raw) => readonly AddonName[];
  /** What it cannot do, a sentence each. */
  readonly limits: readonly string[];
}

/** A folder of S3. */
export interface StagedSource {
  readonly bucket: string;
  /** Without leading or trailing slash. */
  readonly prefix: string;
}

/** Alike pods that use no accelerator. */
export interface OtherPods {
  /** The most at a time, those of a rollout included. */
  readonly count: number;
  /** Requests and limits of one. */
  readonly cpuMillis: number;
  readonly memoryMiB: number;
}

export interface EngineFrontend {
  /** Name of its Service, in the group's namespace. */
  readonly service: string;
  readonly port: number;
  /** Labels of its pods, for network policies. */
  readonly podLabels: Readonly<Record<string, string>>;
}

export interface EngineProbes {
  /** HTTP paths. */
  readonly startup: string;
  readonly liveness: string;
  readonly readiness: string;
}

/** What a rule of an engine may look at besides the engine's own entry. */
export interface EngineRuleContext {
  /** The whole spec. */
  readonly spec: Raw;
  /** Path of the engine's entry. */
  readonly path: readonly PropertyKey[];
}

/** Pod grace period: preStop, the longest request, and a margin to exit. */
export function terminationGraceSeconds(profile: EngineProfile): number {
  return profile.drain.preStopSeconds + profile.drain.requestSeconds + 15;
}

/** Whether the engine can run on the accelerator at all. */
export function canRun(engine: EngineProfile, { device }: Pick<Accelerator, "device">): boolean {
  return device?.kind !== "cpu" || engine.runsOnCpu;
}
