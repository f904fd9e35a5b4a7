import { createHash } from "node:crypto";
import type { core } from "@pulumi/kubernetes/types/input.js";
import * as pulumi from "@pulumi/pulumi";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/index.js";
import { configKey, configPbtxt } from "../../../platform/engines/triton/config-pbtxt.ts";
import {
  layoutCommand,
  tritonConfigFolder,
  tritonModelRoot,
  tritonRepository,
} from "../../../platform/engines/triton/repository-layout.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { childOptions } from "../../child-options.ts";
import { recommendedLabels } from "../../labels.ts";
import { engineIdentity } from "../engine-labels.ts";
import type { PodAdditions } from "../engine-pod.ts";
import { modelAccess, type ModelSource } from "../model-source.ts";

export interface TritonRepositoryArgs {
  readonly engine: EnginePlan;
  /** The replica group whose models are laid out. */
  readonly group: ReplicaGroupPlan;
  readonly models: ModelSource;
}

/** What Kubernetes takes as one ConfigMap, keys and all, with room for what is around them. */
const configsMaxBytes = 1_000_000;

/** Links, folders and configurations only; the weights stay where they are. */
const repositorySize = "64Mi";

/**
 * The model repository of a replica group: the configurations that the spec says, and what lays them out beside links to
 * the models before a server starts. The storage itself is never written to.
 */
export class TritonRepository extends pulumi.ComponentResource {
  /** What the group's pods need on top. */
  readonly additions: PodAdditions;

  constructor(name: string, args: TritonRepositoryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:TritonRepository", name, {}, opts);
    const { engine, group, models } = args;
    const data = Object.fromEntries(
      group.models.map((model) => [configKey(model.name), configPbtxt(model, group.maxBatchSize)]),
    );
    const bytes = Buffer.byteLength(JSON.stringify(data));
    if (bytes > configsMaxBytes) {
      throw new pulumi.InputPropertyError({
        propertyPath: "group.models",
        reason:
          `the configurations of group "${group.name}" have ${bytes} bytes, and a ConfigMap holds ${configsMaxBytes}. ` +
          "Shorten extraConfig and parameters, or part the models into several engines.",
      });
    }

    const configs = new ConfigMap(
      `${name}-configs`,
      {
        metadata: {
          // Named after its contents: pods are replaced when a configuration changes, and until then keep their own.
          name: `${group.name}-configs-${hash(data)}`,
          namespace: group.namespace,
          labels: recommendedLabels(engineIdentity(engine, group)),
        },
        immutable: true,
        data,
      },
      childOptions(this, opts),
    );

    this.additions = {
      initContainers: [layoutContainer(engine, group, modelAccess(models, group, tritonModelRoot).mounts)],
      volumes: [
        { name: "repository", emptyDir: { sizeLimit: repositorySize } },
        { name: "model-configs", configMap: { name: configs.metadata.name } },
      ],
      mounts: [{ name: "repository", mountPath: tritonRepository, readOnly: true }],
    };
    this.registerOutputs({ configMapName: configs.metadata.name });
  }
}

/** In Triton's own image, which the node has to pull anyway. */
function layoutContainer(
  engine: EnginePlan,
  group: ReplicaGroupPlan,
  modelMounts: readonly core.v1.VolumeMount[],
): core.v1.Container {
  const folders = {
    models: tritonModelRoot,
    configs: tritonConfigFolder,
    repository: tritonRepository,
  };
  const resources = { cpu: "250m", memory: "128Mi" };
  return {
    name: "lay-out-repository",
    image: engine.image,
    imagePullPolicy: "IfNotPresent",
    command: [...layoutCommand(group.models, folders)],
    // Within those of the server, which starts when this has ended: the pod is planned by the larger ones.
    resources: { requests: resources, limits: resources },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      ...modelMounts,
      { name: "model-configs", mountPath: tritonConfigFolder, readOnly: true },
      { name: "repository", mountPath: tritonRepository },
    ],
  };
}

function hash(data: Readonly<Record<string, string>>): string {
  return createHash("sha256").update(JSON.stringify(data)).digest("hex").slice(0, 8);
}
