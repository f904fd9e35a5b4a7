import * as pulumi from "@pulumi/pulumi";
import type { networking } from "@pulumi/kubernetes/types/input.js";
import { childOptions } from "../child-options.ts";
import { namespaceNamed } from "../cluster/namespace-label.ts";
import { dominoNamespaces } from "../domino/domino-namespaces.ts";
import { installChart, type AddonChart } from "./addon-chart.ts";
import { addonFacts } from "./addon-facts.ts";
import { anyPod } from "./addon-network.ts";
import type { AddonMode } from "./addon-mode.ts";
import type { AddonOwner } from "./addon-owner.ts";
import { platformNodeSelector } from "./platform-nodes.ts";
import { ReadinessGate } from "./readiness-gate.ts";

export interface PrometheusOperatorAddonArgs extends AddonOwner {
  readonly mode: AddonMode;
}

/** Where the Prometheus that this add-on installs answers: what `observability.prometheus` of a spec then says. */
export const installedPrometheus = "http://prometheus-operated.monitoring.svc:9090";

/** The Prometheus operator and one Prometheus, which measures every monitored pod of the cluster. */
export class PrometheusOperatorAddon extends pulumi.ComponentResource {
  constructor(name: string, args: PrometheusOperatorAddonArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:addons:PrometheusOperatorAddon", name, {}, opts);
    const child = childOptions(this, opts);
    const release = args.mode === "install" ? installChart(name, prometheusChart, args, child) : undefined;
    new ReadinessGate(
      `${name}-ready`,
      {
        definitions: addonFacts.prometheusOperator.definitions,
        ...(release ? { after: release.status } : {}),
      },
      child,
    );
    this.registerOutputs({});
  }
}

const off = { enabled: false } as const;

/** Autoscaling looks back over minutes; the rest is for the dashboards of a week. */
const retention = "7d";

/** Domino's storage class for volumes of one node. */
const blockStorageClass = "dominodisk";

/** One of the ports at which Domino's control plane may reach nodes. */
const webhookPort = 10250;

/** Who may ask Prometheus, which asks nobody who they are: KEDA, Domino's dashboards, planners of Dynamo. */
const readers: readonly networking.v1.NetworkPolicyPeer[] = [
  { namespaceSelector: namespaceNamed("keda") },
  { namespaceSelector: namespaceNamed(dominoNamespaces.platform) },
  { ...anyPod, podSelector: { matchLabels: { "app.kubernetes.io/component": "inference-planner" } } },
];

const prometheusChart: AddonChart = {
  release: "kube-prometheus-stack",
  chart: "kube-prometheus-stack",
  repository: "https://prometheus-community.github.io/helm-charts",
  // The last one with operator 0.93.0.
  version: "88.3.0",
  namespace: addonFacts.prometheusOperator.namespace,
  podSecurity: "restricted",
  traffic: { fromApiServer: [webhookPort], fromPods: [{ peers: readers, port: 9090 }], toAnyPod: true },
  values: {
    crds: { enabled: true, upgradeJob: off },
    // Operator and Prometheus alone: Domino has dashboards, alerts and exporters of its own.
    defaultRules: { create: false },
    alertmanager: off,
    grafana: off,
    kubeStateMetrics: off,
    nodeExporter: off,
    windowsMonitoring: off,
    thanosRuler: off,
    kubernetesServiceMonitors: off,
    kubeApiServer: off,
    kubelet: off,
    kubeControllerManager: off,
    coreDns: off,
    kubeDns: off,
    kubeEtcd: off,
    kubeScheduler: off,
    kubeProxy: off,
    prometheusOperator: {
      enabled: true,
      tls: { enabled: true, internalPort: webhookPort },
      kubeletService: off,
      kubeletEndpointsEnabled: false,
      nodeSelector: platformNodeSelector,
      tolerations: [],
      resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { cpu: "500m", memory: "512Mi" } },
      prometheusConfigReloader: {
        resources: { requests: { cpu: "10m", memory: "50Mi" }, limits: { cpu: "100m", memory: "100Mi" } },
      },
      admissionWebhooks: {
        enabled: true,
        failurePolicy: "Ignore",
        patch: {
          enabled: true,
          nodeSelector: platformNodeSelector,
          tolerations: [],
          resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { cpu: "100m", memory: "128Mi" } },
        },
        certManager: off,
      },
    },
    prometheus: {
      enabled: true,
      service: { type: "ClusterIP" },
      ingress: off,
      prometheusSpec: {
        replicas: 1,
        retention,
        walCompression: true,
        enableAdminAPI: false,
        scrapeInterval: "30s",
        // Every monitor of the cluster: with Helm's own values it would see those of its own release alone.
        podMonitorSelectorNilUsesHelmValues: false,
        serviceMonitorSelectorNilUsesHelmValues: false,
        probeSelectorNilUsesHelmValues: false,
        ruleSelectorNilUsesHelmValues: false,
        scrapeConfigSelectorNilUsesHelmValues: false,
        nodeSelector: platformNodeSelector,
        tolerations: [],
        resources: { requests: { cpu: "500m", memory: "2Gi" }, limits: { cpu: "2", memory: "4Gi" } },
        storageSpec: {
          volumeClaimTemplate: {
            spec: {
              storageClassName: blockStorageClass,
              accessModes: ["ReadWriteOnce"],
              resources: { requests: { storage: "50Gi" } },
            },
          },
        },
      },
    },
  },
};
