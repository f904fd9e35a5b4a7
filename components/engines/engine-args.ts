import type * as pulumi from "@pulumi/pulumi";
import type { EnginePlan, ReplicaGroupPlan, ServerPlan } from "../../platform/plan/platform-plan.ts";

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
}

/** Pods by their labels, in one namespace. */
export interface PodPeer {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** How an engine's pods come to their models. */
export type ModelSource =
  | {
      readonly kind: "dataset";
      /** Claim on the dataset, in the engine's namespace. */
      readonly claimName: pulumi.Input<string>;
      /** Folder of the dataset that holds the models. */
      readonly path: string;
      /** Address ranges of the subnets with the file system's mount targets. */
      readonly fileSystemCidrs: readonly string[];
    }
  | {
      readonly kind: "s3";
      /** Role that the engine's service accounts take. */
      readonly roleArn: pulumi.Input<string>;
    };

/** The service account of a replica group. */
export function engineServiceAccount(group: ReplicaGroupPlan): string {
  return group.name;
}
