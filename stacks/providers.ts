import type * as pulumi from "@pulumi/pulumi";
import { getClusterOutput, type GetClusterResult } from "@pulumi/aws/eks/index.js";
import { Provider as AwsProvider } from "@pulumi/aws/provider.js";
import { Provider as KubernetesProvider } from "@pulumi/kubernetes/provider.js";
import { partitionOf } from "../components/identity/partition.ts";
import type { PlatformPlan } from "../platform/plan/platform-plan.ts";
import type { ExistingClusterSpec } from "../platform/spec/schema.ts";
import type { StackSettings } from "./stack-settings.ts";

export interface StackProviders {
  readonly aws: AwsProvider;
  readonly kubernetes: KubernetesProvider;
}

/** A context of this machine's kubeconfig, or a whole kubeconfig. */
export type ClusterAccess = { readonly context: string } | { readonly kubeconfig: pulumi.Output<string> };

/** The ways into the account and the cluster of a spec. */
export interface StackAccess {
  readonly aws: AwsProvider;
  readonly cluster: ClusterAccess;
}

/** Explicit: account and cluster are those of the spec, not what this machine happens to be set to. */
export function stackAccess(
  plan: PlatformPlan,
  cluster: ExistingClusterSpec,
  settings: StackSettings,
): StackAccess {
  const aws = new AwsProvider("aws", {
    region: cluster.region,
    allowedAccountIds: [cluster.accountId],
    defaultTags: {
      tags: {
        "domino-inference/platform": plan.platform,
        "domino-inference/stage": plan.stage,
        "managed-by": "pulumi",
      },
    },
  });
  return { aws, cluster: clusterAccess(cluster, settings, aws) };
}

/** Explicit providers for every resource of a stack. */
export function stackProviders(cluster: ExistingClusterSpec, access: StackAccess): StackProviders {
  const partition = partitionOf(cluster.kmsKeyArn);
  const kubernetes = new KubernetesProvider("kubernetes", {
    ...access.cluster,
    // The cluster's identity: another way to the same cluster is no reason to replace everything in it.
    clusterIdentifier: `arn:${partition}:eks:${cluster.region}:${cluster.accountId}:cluster/${cluster.name}`,
    // Changed in place: replaced, the routing table would be gone for a moment, and proxies would fail to start.
    enableConfigMapMutable: true,
  });
  return { aws: access.aws, kubernetes };
}

function clusterAccess(
  cluster: ExistingClusterSpec,
  settings: StackSettings,
  aws: AwsProvider,
): ClusterAccess {
  if (settings.kubeContext !== undefined) return { context: settings.kubeContext };
  if (settings.kubeconfig !== undefined) return { kubeconfig: settings.kubeconfig };
  const found = getClusterOutput({ name: cluster.name }, { provider: aws });
  return { kubeconfig: found.apply((answer) => eksKubeconfig(cluster, answer)) };
}

/** What EKS says of a cluster; under mocks that answer nothing, nothing. */
type ClusterAnswer = Partial<Pick<GetClusterResult, "endpoint" | "certificateAuthorities">>;

/** Holds no secret: the AWS CLI makes a token of the caller's own credentials for every run. */
function eksKubeconfig(cluster: ExistingClusterSpec, answer: ClusterAnswer): string {
  const { name, region } = cluster;
  const access = {
    server: answer.endpoint,
    "certificate-authority-data": answer.certificateAuthorities?.[0]?.data,
  };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster: access }],
    users: [
      {
        name,
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1beta1",
            command: "aws",
            args: ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"],
            interactiveMode: "Never",
          },
        },
      },
    ],
  });
}
