import { describe, expect, test } from "vitest";
import {
  MetricsMonitor,
  type MetricsMonitorArgs,
} from "../../../../components/engines/scaling/metrics-monitor.ts";
import { only, resourcesOf } from "../../support/resources-of.ts";

const args: MetricsMonitorArgs = {
  objectName: "chat-llama-free",
  namespace: "llm",
  labels: { "app.kubernetes.io/part-of": "domino-inference" },
  monitorLabels: { release: "kube-prometheus-stack" },
  podLabels: { "app.kubernetes.io/instance": "chat-llama-free" },
  endpoint: { port: "http", portNumber: 8000, path: "/metrics" },
};

const monitorOf = async (more: Partial<MetricsMonitorArgs> = {}) =>
  resourcesOf(() => new MetricsMonitor("chat", { ...args, ...more }));

describe("a monitor", () => {
  test("carries the labels by which the cluster's Prometheus selects it, besides its own", async () => {
    const { apiVersion, metadata } = only(await monitorOf(), ":PodMonitor").inputs;
    expect(apiVersion).toBe("monitoring.coreos.com/v1");
    expect(metadata).toEqual({
      name: "chat-llama-free",
      namespace: "llm",
      labels: { release: "kube-prometheus-stack", "app.kubernetes.io/part-of": "domino-inference" },
    });
  });

  test("has the group's pods measured, under labels that queries ask for", async () => {
    expect(only(await monitorOf(), ":PodMonitor").inputs.spec).toEqual({
      namespaceSelector: { matchNames: ["llm"] },
      selector: { matchLabels: { "app.kubernetes.io/instance": "chat-llama-free" } },
      podMetricsEndpoints: [
        {
          port: "http",
          path: "/metrics",
          interval: "15s",
          relabelings: [
            {
              action: "replace",
              sourceLabels: ["__meta_kubernetes_pod_label_app_kubernetes_io_instance"],
              targetLabel: "inference_group",
            },
            {
              action: "replace",
              sourceLabels: ["__meta_kubernetes_pod_label_app_kubernetes_io_component"],
              targetLabel: "inference_component",
            },
            {
              action: "replace",
              sourceLabels: ["__meta_kubernetes_pod_label_inferno_server_model"],
              targetLabel: "inference_model",
            },
            {
              action: "replace",
              sourceLabels: ["__meta_kubernetes_pod_label_leaderworkerset_sigs_k8s_io_worker_index"],
              targetLabel: "inference_node",
            },
          ],
        },
      ],
    });
  });

  test("lets Prometheus' pods in, by the port of the metrics alone", async () => {
    const policy = only(await monitorOf({ prometheusNamespace: "monitoring" }), ":NetworkPolicy").inputs;
    expect(policy.metadata).toMatchObject({ name: "chat-llama-free-from-prometheus", namespace: "llm" });
    expect(policy.spec).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/instance": "chat-llama-free" } },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } },
              podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
            },
          ],
          ports: [{ protocol: "TCP", port: 8000 }],
        },
      ],
    });
  });

  test("opens nothing where Prometheus' pods are not known", async () => {
    expect((await monitorOf()).filter(({ type }) => type.endsWith(":NetworkPolicy"))).toEqual([]);
  });
});
