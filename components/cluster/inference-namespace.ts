import * as pulumi from "@pulumi/pulumi";
import { Namespace, ResourceQuota } from "@pulumi/kubernetes/core/v1/index.js";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import { childOptions } from "../child-options.ts";
import { recommendedLabels } from "../labels.ts";
import { namespaceNamed } from "./namespace-label.ts";

export interface InferenceNamespaceArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  /** Name of the namespace. */
  readonly namespace: string;
  /** Most GPUs that pods may request together. */
  readonly gpuCount: number;
  /**
   * Most slices of GPUs that pods may request together, by their extended resource.
   * @default none are bounded
   */
  readonly sliceCounts?: Readonly<Record<string, number>>;
  /** Most pods at a time. */
  readonly podCount: number;
  /** Most CPU that pods may request together, in thousandths of a core. */
  readonly cpuMillis: number;
  /** Most memory that pods may request together, in MiB. */
  readonly memoryMiB: number;
}

/**
 * Version of the Pod Security Standards that pods are refused by. Pinned, so that an upgrade of the cluster never keeps
 * a pod from being replaced at night; `warn` and `audit` follow the newest version and announce what will be refused.
 */
const enforcedPodSecurityVersion = "v1.34";

/**
 * A namespace in which nothing may be reached, reach out, be exposed or run as root unless a component of the platform
 * says so.
 */
export class InferenceNamespace extends pulumi.ComponentResource {
  readonly namespaceName: pulumi.Output<string>;

  constructor(name: string, args: InferenceNamespaceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:cluster:InferenceNamespace", name, {}, opts);
    const child = childOptions(this, opts);
    const labels = recommendedLabels({
      name: "inference-namespace",
      instance: args.platform,
      component: "namespace",
    });

    const namespace = new Namespace(
      `${name}-namespace`,
      {
        metadata: {
          name: args.namespace,
          labels: {
            ...labels,
            // Domino's own NetworkPolicies admit only namespaces with this label to its API.
            "domino-compute": "true",
            "pod-security.kubernetes.io/enforce": "restricted",
            "pod-security.kubernetes.io/enforce-version": enforcedPodSecurityVersion,
            "pod-security.kubernetes.io/audit": "restricted",
            "pod-security.kubernetes.io/audit-version": "latest",
            "pod-security.kubernetes.io/warn": "restricted",
            "pod-security.kubernetes.io/warn-version": "latest",
          },
        },
      },
      child,
    );
    const inside = { ...child, dependsOn: [namespace] };

    const cpu = `${args.cpuMillis}m`;
    const memory = `${args.memoryMiB}Mi`;
    new ResourceQuota(
      `${name}-quota`,
      {
        metadata: { name: "inference-quota", namespace: args.namespace, labels },
        spec: {
          hard: {
            "requests.nvidia.com/gpu": String(args.gpuCount),
            ...Object.fromEntries(
              Object.entries(args.sliceCounts ?? {}).map(([resource, count]) => [
                `requests.${resource}`,
                String(count),
              ]),
            ),
            pods: String(args.podCount),
            "requests.cpu": cpu,
            "requests.memory": memory,
            "limits.cpu": cpu,
            "limits.memory": memory,
            // The proxy is the only way in, from inside the cluster: nothing here may open a way from outside.
            "services.loadbalancers": "0",
            "services.nodeports": "0",
          },
        },
      },
      inside,
    );

    new NetworkPolicy(
      `${name}-default-deny`,
      {
        metadata: { name: "default-deny", namespace: args.namespace, labels },
        spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
      },
      inside,
    );

    const dns = 53;
    new NetworkPolicy(
      `${name}-allow-dns`,
      {
        metadata: { name: "allow-dns", namespace: args.namespace, labels },
        spec: {
          podSelector: {},
          policyTypes: ["Egress"],
          egress: [
            {
              // The label that CoreDNS has kept from kube-dns, on EKS as elsewhere.
              to: [
                {
                  namespaceSelector: namespaceNamed("kube-system"),
                  podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
                },
              ],
              // Answers above 512 bytes are asked for again over TCP.
              ports: [
                { protocol: "UDP", port: dns },
                { protocol: "TCP", port: dns },
              ],
            },
          ],
        },
      },
      inside,
    );

    this.namespaceName = namespace.metadata.name;
    this.registerOutputs({ namespaceName: this.namespaceName });
  }
}
