import type { FakeNode } from "./fake-node.ts";
import type { KubernetesObject } from "./kubernetes-object.ts";

/**
 * What a Domino deployment on EKS has before this project's first `up`: its namespaces, its node pools (labels and
 * taints of Domino's own Terraform) and the pods that network policies speak of.
 */
const zones = ["us-west-2a", "us-west-2b"] as const;

const dominoNode = { "dominodatalab.com/domino-node": "true" };

/** One platform and one compute node a zone, and one GPU node of Domino's own, which no engine may use. */
export const dominoNodes: readonly FakeNode[] = [
  ...zones.flatMap((zone): readonly FakeNode[] => [
    {
      name: `platform-${zone}`,
      labels: {
        ...dominoNode,
        "dominodatalab.com/node-pool": "platform",
        "dominodatalab.com/calico-controlplane": "true",
        "topology.kubernetes.io/zone": zone,
        "node.kubernetes.io/instance-type": "m7i-flex.2xlarge",
      },
      allocatable: { cpuMillis: 7_910, memoryMiB: 29_000, podCount: 58 },
    },
    {
      name: `compute-${zone}`,
      labels: {
        ...dominoNode,
        "dominodatalab.com/node-pool": "default",
        "topology.kubernetes.io/zone": zone,
        "node.kubernetes.io/instance-type": "m6i.2xlarge",
      },
      allocatable: { cpuMillis: 7_910, memoryMiB: 29_000, podCount: 58 },
    },
  ]),
  {
    name: `gpu-${zones[0]}`,
    labels: {
      ...dominoNode,
      "dominodatalab.com/node-pool": "default-gpu",
      "nvidia.com/gpu": "true",
      "topology.kubernetes.io/zone": zones[0],
      "node.kubernetes.io/instance-type": "g5.2xlarge",
    },
    taints: [{ key: "nvidia.com/gpu", value: "true", effect: "NoSchedule" }],
    allocatable: { cpuMillis: 7_910, memoryMiB: 29_000, podCount: 58, gpuCount: 1 },
  },
];

function namespace(name: string, labels: Readonly<Record<string, string>> = {}): KubernetesObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** A pod that only stands where Domino's own would: policies and selectors see it, nobody runs it. */
function pod(podNamespace: string, name: string, labels: Readonly<Record<string, string>>): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: podNamespace, labels },
    spec: {
      containers: [{ name: "main", image: "registry.invalid/domino@sha256:" + "0".repeat(64) }],
      automountServiceAccountToken: false,
    },
  };
}

/** In the order in which they can be created. */
export const dominoObjects: readonly KubernetesObject[] = [
  namespace("domino-platform"),
  // The label that admits Domino's mutation webhook.
  namespace("domino-compute", { "operator-enabled": "true" }),
  namespace("domino-system"),
  pod("kube-system", "coredns", { "k8s-app": "kube-dns" }),
  pod("domino-platform", "nucleus-frontend", { "app.kubernetes.io/name": "nucleus-frontend" }),
  pod("domino-platform", "prometheus", { "app.kubernetes.io/name": "prometheus" }),
  pod("domino-compute", "run", { "dominodatalab.com/workload-type": "Workspace" }),
];
