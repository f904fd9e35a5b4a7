import type { KubernetesObject } from "./kubernetes-object.ts";

/** A node that nobody runs: KWOK answers for its kubelet. */
export interface FakeNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints?: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
  /** What pods may request of it together. */
  readonly allocatable: {
    readonly cpuMillis: number;
    readonly memoryMiB: number;
    readonly podCount: number;
    /** @default 0 */
    readonly gpuCount?: number;
  };
}

/** KWOK manages the nodes with this annotation. */
export const fakeNodeAnnotation = { key: "kwok.x-k8s.io/node", value: "fake" } as const;

/** The Node object; its status follows in a second request, as kubelets send it. */
export function nodeObject({ name, labels, taints = [] }: FakeNode): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        ...labels,
      },
      annotations: { [fakeNodeAnnotation.key]: fakeNodeAnnotation.value },
    },
    spec: { taints },
  };
}

/** What the node's kubelet would report of its resources. */
export function nodeStatus({ allocatable }: FakeNode): object {
  const resources = {
    cpu: `${allocatable.cpuMillis}m`,
    memory: `${allocatable.memoryMiB}Mi`,
    pods: String(allocatable.podCount),
    ...(allocatable.gpuCount === undefined ? {} : { "nvidia.com/gpu": String(allocatable.gpuCount) }),
  };
  return { status: { capacity: resources, allocatable: resources } };
}
