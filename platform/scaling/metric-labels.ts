/**
 * Labels that monitors put on everything they scrape of the platform's pods, so that queries find a group's figures
 * whatever the engine calls its own labels and the operator its pods.
 */
export const metricLabels = {
  /** Replica group of an engine's pod, `app.kubernetes.io/instance` of its pods. */
  group: "inference_group",
  /** `inference-engine` or `proxy`, `app.kubernetes.io/component` of its pods. */
  component: "inference_component",
  /** Models of the pod, joined by dots. */
  model: "inference_model",
  /** Number of the pod's node in its replica, from 0; absent where a replica has one node. */
  node: "inference_node",
} as const;

/** The pod labels that they are made of, as Kubernetes spells them. */
export const metricLabelSources: Readonly<Record<keyof typeof metricLabels, string>> = {
  group: "app.kubernetes.io/instance",
  component: "app.kubernetes.io/component",
  model: "inferno.server.model",
  node: "leaderworkerset.sigs.k8s.io/worker-index",
};

/** `__meta_kubernetes_pod_label_…`: under which Prometheus offers a pod's label for relabelling. */
export function discoveredLabel(podLabel: string): string {
  return `__meta_kubernetes_pod_label_${podLabel.replaceAll(/[^A-Za-z0-9_]/g, "_")}`;
}
