import type { EnginePlan, ReplicaGroupPlan, ServerPlan } from "../../platform/plan/platform-plan.ts";
import { boundedName } from "../names.ts";
import type { FileSystemPeer, ModelSource } from "./model-source.ts";
import type * as pulumi from "@pulumi/pulumi";

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
  /** Where versions are brought to that lie elsewhere; absent where there are none. */
  readonly staging?: StagingTarget;
}

/** What a job writes to and reads with that brings versions of models onto an engine's volume. */
export interface StagingTarget {
  /** Claim in the engine's namespace that may be written to. */
  readonly claimName: pulumi.Input<string>;
  /** Folder of the volume that holds the engine's models; empty for its root. */
  readonly path: string;
  readonly fileSystem?: FileSystemPeer;
  /** Role that may read the sources. */
  readonly roleArn: pulumi.Input<string>;
  /** Region of the bucket. */
  readonly region: string;
}

/** The service account of an engine's staging job, which the role of its target names. */
export function stagingServiceAccount(engine: Pick<EnginePlan, "name">): string {
  // With a dot, which no engine and no group has in its name.
  return boundedName(`${engine.name}.staging`, 63);
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
  /** Where Prometheus' pods are; absent where its address says it. */
  readonly namespace?: string;
  /** Labels of PodMonitors; absent where none are made. */
  readonly podMonitorLabels?: Readonly<Record<string, string>>;
}

/** The service account of a replica group. */
export function engineServiceAccount(group: ReplicaGroupPlan): string {
  return group.name;
}
