import type * as pulumi from "@pulumi/pulumi";
import type { core } from "@pulumi/kubernetes/types/input.js";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import { modelCopyContainer } from "./model-copy.ts";

/** How an engine's pods come to their models. */
export type ModelSource =
  | {
      readonly kind: "volume";
      /** Claim in the engine's namespace. */
      readonly claimName: pulumi.Input<string>;
      /** Folder of the volume that holds the models; empty for its root. */
      readonly path: string;
      /** Where the file system answers, for network plugins that count a volume's traffic as its pod's. */
      readonly fileSystem?: FileSystemPeer;
      /** Roles that the driver mounts with, where it takes the pod's own. */
      readonly roleArns?: GroupRoles;
    }
  | {
      readonly kind: "s3";
      /** Roles that the engine's service accounts take. */
      readonly roleArns: GroupRoles;
      readonly bucket: string;
      readonly prefix: string;
      readonly region: string;
      /** `stream`: the engine reads by itself. `copy`: an init container copies what the group serves. */
      readonly access: "stream" | "copy";
    }
  | {
      readonly kind: "hugging-face";
      /** Secret of the engine's namespace. Absent: only public repositories. */
      readonly tokenSecret?: { readonly name: string; readonly key: string };
    }
  | { readonly kind: "image"; readonly reference: string };

/** A network file system. */
export interface FileSystemPeer {
  /** Address ranges of the subnets that it answers in. */
  readonly cidrs: readonly string[];
  readonly ports: readonly { readonly port: number; readonly endPort?: number }[];
}

/** ARNs of IAM roles by the name of the replica group: no role can name any number of service accounts. */
export type GroupRoles = Readonly<Record<string, pulumi.Input<string>>>;

/** The IAM role that the service account of a group's pods takes; undefined where they need none. */
export function modelsRoleArn(
  models: ModelSource,
  group: Pick<ReplicaGroupPlan, "name">,
): pulumi.Input<string> | undefined {
  const roles = models.kind === "s3" || models.kind === "volume" ? models.roleArns : undefined;
  return roles?.[group.name];
}

/** Annotations of a service account that takes a role (IRSA). */
export function roleAnnotations(roleArn: pulumi.Input<string>): Record<string, pulumi.Input<string>> {
  return {
    "eks.amazonaws.com/role-arn": roleArn,
    "eks.amazonaws.com/sts-regional-endpoints": "true",
  };
}

/** What a pod needs for its models, besides its engine. */
export interface ModelAccess {
  readonly initContainers: readonly core.v1.Container[];
  readonly volumes: readonly core.v1.Volume[];
  readonly mounts: readonly core.v1.VolumeMount[];
  readonly environment: readonly core.v1.EnvVar[];
  /** Space on the node's disk that the engine's own downloads take. */
  readonly downloadGiB: number;
}

const volumeName = "models";

/** On top of the weights: tokenizers, configurations, a file that is written twice. */
const diskMargin = 1.2;

/**
 * @param root where the engine's container sees the models
 */
export function modelAccess(models: ModelSource, group: ReplicaGroupPlan, root: string): ModelAccess {
  const none: ModelAccess = { initContainers: [], volumes: [], mounts: [], environment: [], downloadGiB: 0 };
  const diskGiB = Math.ceil(group.weightsGiB * diskMargin) + 1;
  const mount = { name: volumeName, mountPath: root, readOnly: true };
  switch (models.kind) {
    case "volume":
      return {
        ...none,
        volumes: [
          { name: volumeName, persistentVolumeClaim: { claimName: models.claimName, readOnly: true } },
        ],
        mounts: [{ ...mount, ...(models.path === "" ? {} : { subPath: models.path }) }],
      };
    case "s3":
      if (models.access === "stream") return none;
      return {
        ...none,
        initContainers: [modelCopyContainer(models, group, { name: volumeName, mountPath: root })],
        volumes: [{ name: volumeName, emptyDir: { sizeLimit: `${diskGiB}Gi` } }],
        mounts: [mount],
      };
    case "hugging-face":
      return {
        ...none,
        environment: models.tokenSecret
          ? [{ name: "HF_TOKEN", valueFrom: { secretKeyRef: { ...models.tokenSecret } } }]
          : [],
        downloadGiB: diskGiB,
      };
    case "image":
      return {
        ...none,
        volumes: [{ name: volumeName, image: { reference: models.reference, pullPolicy: "IfNotPresent" } }],
        mounts: [mount],
      };
  }
}
