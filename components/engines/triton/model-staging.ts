import { createHash } from "node:crypto";
import type { core } from "@pulumi/kubernetes/types/input.js";
import * as pulumi from "@pulumi/pulumi";
import { Job } from "@pulumi/kubernetes/batch/v1/index.js";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/index.js";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import {
  stagingCommand,
  stagingPod as stagingPodSize,
  type StagedVersion,
} from "../../../platform/engines/triton/staging.ts";
import type { EnginePlan } from "../../../platform/plan/platform-plan.ts";
import { childOptions } from "../../child-options.ts";
import { recommendedLabels, selectorLabels } from "../../labels.ts";
import { boundedName } from "../../names.ts";
import { awsCliImage } from "../model-copy.ts";
import { stagingServiceAccount, type StagingTarget } from "../engine-args.ts";
import { roleAnnotations } from "../model-source.ts";

export interface ModelStagingArgs {
  /** Name of the platform: others may stage onto the same volume. */
  readonly platform: string;
  readonly engine: EnginePlan;
  /** At least one. */
  readonly versions: readonly StagedVersion[];
  readonly target: StagingTarget;
}

const root = "/models";

/** From the start of the job, its retries included: enough for a terabyte over a slow file system. */
const deadlineSeconds = 6 * 3600;

/**
 * Brings versions from S3 onto an engine's volume before its servers start. The job alone may write there; the servers
 * see the volume read-only.
 */
export class ModelStaging extends pulumi.ComponentResource {
  constructor(name: string, args: ModelStagingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:ModelStaging", name, {}, opts);
    const { engine, target, versions, platform } = args;
    const { namespace } = engine;
    const child = childOptions(this, opts);
    const accountName = stagingServiceAccount(engine);
    const identity = { name: "model-staging", instance: engine.name, component: "model-staging" };
    const labels = recommendedLabels(identity);
    const podLabels = selectorLabels(identity);

    const account = new ServiceAccount(
      `${name}-account`,
      {
        metadata: {
          name: accountName,
          namespace,
          labels,
          annotations: roleAnnotations(target.roleArn),
        },
        automountServiceAccountToken: false,
      },
      child,
    );

    const network = new NetworkPolicy(
      `${name}-network`,
      {
        metadata: { name: accountName, namespace, labels },
        spec: {
          podSelector: { matchLabels: podLabels },
          policyTypes: ["Ingress", "Egress"],
          ingress: [],
          egress: [
            // S3, STS and KMS have no fixed addresses. The metadata of the node would hand out the node's role.
            {
              to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }],
              ports: [{ protocol: "TCP", port: 443 }],
            },
            ...(target.fileSystem
              ? [
                  {
                    to: target.fileSystem.cidrs.map((cidr) => ({ ipBlock: { cidr } })),
                    ports: target.fileSystem.ports.map((port) => ({ protocol: "TCP", ...port })),
                  },
                ]
              : []),
          ],
        },
      },
      child,
    );

    const command = stagingCommand(versions, { root, owner: `${platform}.${engine.name}` });
    const job = new Job(
      `${name}-job`,
      {
        metadata: {
          // Named after what it does: a job cannot be changed, and with nothing new to bring it is not run again.
          name: boundedName(`${accountName}-${hash(command)}`, 63),
          namespace,
          labels,
          // One that failed would be waited for again by every update; it is run anew.
          annotations: { "pulumi.com/replaceUnready": "true" },
        },
        spec: {
          completions: 1,
          parallelism: 1,
          backoffLimit: 3,
          // Two pods at once would load into the same folder: one has to be gone before the next one starts.
          podReplacementPolicy: "Failed",
          activeDeadlineSeconds: deadlineSeconds,
          template: { metadata: { labels }, spec: stagingPod(engine, accountName, command, target) },
        },
      },
      {
        ...child,
        dependsOn: [account, network],
        customTimeouts: { create: `${deadlineSeconds}s`, update: `${deadlineSeconds}s` },
      },
    );

    this.registerOutputs({ jobName: job.metadata.name });
  }
}

function stagingPod(
  engine: EnginePlan,
  serviceAccountName: string,
  command: readonly string[],
  target: StagingTarget,
): core.v1.PodSpec {
  const { userId, groupId } = engineProfiles[engine.type].runAs;
  const resources = { cpu: `${stagingPodSize.cpuMillis}m`, memory: `${stagingPodSize.memoryMiB}Mi` };
  return {
    serviceAccountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy: "Never",
    // As the servers, which have to read what it writes.
    securityContext: {
      runAsNonRoot: true,
      runAsUser: userId,
      runAsGroup: groupId,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: "stage-models",
        image: awsCliImage,
        imagePullPolicy: "IfNotPresent",
        command: [...command],
        env: [
          { name: "AWS_REGION", value: target.region },
          { name: "AWS_EC2_METADATA_DISABLED", value: "true" },
          // The CLI writes its cache of credentials there; the root is read-only.
          { name: "HOME", value: "/tmp" },
        ],
        resources: { requests: resources, limits: resources },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [
          { name: "scratch", mountPath: "/tmp" },
          {
            name: "models",
            mountPath: root,
            ...(target.path === "" ? {} : { subPath: target.path }),
          },
        ],
      },
    ],
    volumes: [
      { name: "scratch", emptyDir: { sizeLimit: "1Gi" } },
      { name: "models", persistentVolumeClaim: { claimName: target.claimName } },
    ],
  };
}

function hash(command: readonly string[]): string {
  return createHash("sha256")
    .update(JSON.stringify([awsCliImage, command]))
    .digest("hex")
    .slice(0, 8);
}
