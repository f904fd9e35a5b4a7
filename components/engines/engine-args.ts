import type { EnginePlan, ReplicaGroupPlan, ServerPlan } from "../../platform/plan/platform-plan.ts";
import type { ModelSource } from "./model-source.ts";

/** What every engine component takes, whatever its type. */
export interface EngineArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  /** The platform's own namespace: begins the names of its priority classes. */
  readonly platformNamespace: string;
  readonly engine: EnginePlan;
  /** The engine's replica groups. */
  readonly groups: readonly ReplicaGroupPlan[];
  /** The servers of the groups: their loads and classes are shown in the labels. */
  readonly servers: readonly ServerPlan[];
  /** Where the models are. */
  readonly models: ModelSource;
  /** The pods that may send requests. */
  readonly proxy: PodPeer;
  readonly monitoring: Monitoring;
}

/** Pods by their labels, in one namespace. */
export interface PodPeer {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** How the pods of an engine are measured. */
export interface Monitoring {
  /** Base URL of Prometheus, from inside the cluster; absent where the spec names none. */
  readonly prometheus?: string;
  /** Labels of PodMonitors; absent where none are made. */
  readonly podMonitorLabels?: Readonly<Record<string, string>>;
}

/** The service account of a replica group. */
export function engineServiceAccount(group: ReplicaGroupPlan): string {
  return group.name;
}
