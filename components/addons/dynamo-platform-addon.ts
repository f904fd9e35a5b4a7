import * as pulumi from "@pulumi/pulumi";
import { childOptions } from "../child-options.ts";
import { installChart, type AddonChart } from "./addon-chart.ts";
import { addonFacts } from "./addon-facts.ts";
import { anyPod } from "./addon-network.ts";
import type { AddonMode } from "./addon-mode.ts";
import type { AddonOwner } from "./addon-owner.ts";
import { platformNodeAffinity } from "./platform-nodes.ts";
import { ReadinessGate } from "./readiness-gate.ts";

export interface DynamoPlatformAddonArgs extends AddonOwner {
  readonly mode: AddonMode;
  /**
   * What it is installed with.
   * @default others installed it
   */
  readonly settings?: DynamoPlatformSettings;
}

export interface DynamoPlatformSettings {
  /** The one version of Dynamo: of the chart and its operator, as of frontends and workers. */
  readonly version: string;
  /** Whether workers tell the frontends of their caches, or a planner of their load: what NATS is for. */
  readonly nats: boolean;
  /**
   * What runs replicas that span several nodes; it is another add-on, or the cluster's.
   * @default no replica does
   */
  readonly multiNode?: "leaderWorkerSet" | "grove";
  /**
   * Base URL of Prometheus, for planners.
   * @default planners have none
   */
  readonly prometheus?: string;
  /**
   * Labels of the PodMonitors that the chart makes.
   * @default it makes none
   */
  readonly podMonitorLabels?: Readonly<Record<string, string>>;
  /**
   * Address of a Model Express server, such as `http://modelexpress.models.svc:8001`.
   * @default workers load models by themselves
   */
  readonly modelExpressUrl?: string;
}

/** NVIDIA's operator of Dynamo graphs. There is one in a cluster, for all its namespaces. */
export class DynamoPlatformAddon extends pulumi.ComponentResource {
  constructor(name: string, args: DynamoPlatformAddonArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:addons:DynamoPlatformAddon", name, {}, opts);
    const child = childOptions(this, opts);
    const release =
      args.mode === "install"
        ? installChart(name, dynamoChart(neededSettings(args)), args, child)
        : undefined;
    new ReadinessGate(
      `${name}-ready`,
      { definitions: addonFacts.dynamoPlatform.definitions, ...(release ? { after: release.status } : {}) },
      child,
    );
    this.registerOutputs({});
  }
}

function neededSettings({ settings }: DynamoPlatformAddonArgs): DynamoPlatformSettings {
  if (settings) return settings;
  throw new pulumi.InputPropertyError({
    propertyPath: "settings",
    reason: "the Dynamo platform is to be installed, and nothing says in which version",
  });
}

function dynamoChart(settings: DynamoPlatformSettings): AddonChart {
  const orchestrator = (name: DynamoPlatformSettings["multiNode"]) => ({
    // Never the copy within the chart: Dynamo's removal would take it from everybody else.
    install: false,
    enabled: settings.multiNode === name,
  });
  return {
    release: "dynamo-platform",
    chart: "oci://helm.ngc.nvidia.com/nvidia/ai-dynamo/charts/dynamo-platform",
    version: settings.version,
    namespace: addonFacts.dynamoPlatform.namespace,
    // The operator's own container says nothing of a seccomp profile, nor do those of NATS.
    podSecurity: "baseline",
    traffic: {
      // The chart has no setting for the port of its webhooks.
      fromApiServer: [9443],
      ...(settings.nats ? { fromPods: [{ peers: [anyPod], port: natsPort }] } : {}),
    },
    values: {
      global: {
        // Workers find each other by the API server; etcd for it is on its way out.
        etcd: { install: false },
        nats: { install: settings.nats },
        grove: orchestrator("grove"),
        lws: orchestrator("leaderWorkerSet"),
        "kai-scheduler": { install: false, enabled: false },
        disaggregatedset: { install: false, enabled: false },
      },
      "dynamo-operator": operatorValues(settings),
      ...(settings.nats ? { nats: natsValues } : {}),
    },
  };
}

function operatorValues(settings: DynamoPlatformSettings): object {
  return {
    enabled: true,
    // A job before the rest brings the definitions to the chart's version, which Helm itself never does.
    upgradeCRD: true,
    discoveryBackend: "kubernetes",
    natsAddr: "",
    etcdAddr: "",
    modelExpressURL: settings.modelExpressUrl ?? "",
    namespaceRestriction: { enabled: false },
    controllerManager: {
      tolerations: [],
      affinity: platformNodeAffinity,
      manager: {
        image: {
          repository: "nvcr.io/nvidia/ai-dynamo/kubernetes-operator",
          // A chart was once released with the operator of a version before.
          tag: settings.version,
          pullPolicy: "IfNotPresent",
        },
        resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { cpu: "1", memory: "2Gi" } },
      },
    },
    dynamo: {
      metrics: {
        prometheusEndpoint: settings.prometheus ?? "",
        // Said, since it would depend on what the cluster has at the moment.
        podMonitors: {
          enabled: settings.podMonitorLabels !== undefined,
          labels: { ...settings.podMonitorLabels },
        },
      },
      ingress: { enabled: false },
      istio: { enabled: false },
      serviceMesh: { enabled: false },
    },
    webhook: {
      failurePolicy: "Fail",
      certificateSecret: { external: false },
      certManager: { enabled: false },
    },
    metricsService: { enabled: false },
    checkpoint: { enabled: false },
  };
}

const natsPort = 4222;

/** Events only: nothing that is lost with a pod is missed, and a volume would tie it to one zone. */
const natsValues = {
  config: {
    nats: { port: natsPort },
    cluster: { enabled: false },
    jetstream: {
      enabled: true,
      fileStore: { enabled: false, pvc: { enabled: false } },
      memoryStore: { enabled: true, maxSize: "256Mi" },
    },
  },
  podTemplate: { merge: { spec: { affinity: platformNodeAffinity } } },
} as const;
