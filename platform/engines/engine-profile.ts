import type { Accelerator } from "../../optimizer/catalog/catalog.ts";
import type { ReplicaResources, ReplicaShape } from "../../optimizer/workload.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../plan/platform-plan.ts";
import type { EngineType } from "./engine-type.ts";
import type { WireProtocol } from "../routes/routing-table.ts";

/**
 * The facts of an inference engine. Spec rules, plan, routes and components all read them here, so that a port or a
 * probe is written once.
 */
export interface EngineProfile {
  readonly type: EngineType;
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
  readonly storage: readonly ("dataset" | "s3")[];
  readonly loading: readonly ("preload" | "on-demand")[];
  /** `engine`: all models of an engine share its replicas. `model`: every model version and class has its own. */
  readonly replicasPer: "engine" | "model";
  readonly ports: { readonly http: number; readonly grpc?: number; readonly metrics: number };
  readonly probes: { readonly startup: string; readonly liveness: string; readonly readiness: string };
  /** User and group that the image can run as without root. */
  readonly runAs: { readonly userId: number; readonly groupId: number };
  readonly drain: {
    /** Time between removal from the endpoints and SIGTERM, so that proxies stop sending first. */
    readonly preStopSeconds: number;
    /** Longest request that a drain waits for. */
    readonly requestSeconds: number;
  };
  /** Size of the memory-backed /dev/shm of one replica in MiB. */
  readonly sharedMemoryMiB: (shape: ReplicaShape) => number;
  /** CPU and memory (shared memory included) that one replica requests. */
  readonly resources: (shape: ReplicaShape) => ReplicaResources;
  /**
   * `image`: the image's entry point runs the command, as it prepares the process (drivers, limits). `none`: the command
   * replaces it.
   */
  readonly entryPoint: "image" | "none";
  readonly command: (group: ReplicaGroupPlan, engine: EnginePlan) => readonly string[];
  /** Environment of the container, without secrets. */
  readonly environment: (group: ReplicaGroupPlan, engine: EnginePlan) => Readonly<Record<string, string>>;
}

/** Pod grace period: preStop, the longest request, and a margin to exit. */
export function terminationGraceSeconds(profile: EngineProfile): number {
  return profile.drain.preStopSeconds + profile.drain.requestSeconds + 15;
}

/** Whether the engine can run on the accelerator at all. */
export function canRun(engine: EngineProfile, { device }: Pick<Accelerator, "device">): boolean {
  return device?.kind !== "cpu" || engine.runsOnCpu;
}
