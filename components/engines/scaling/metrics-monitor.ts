import * as pulumi from "@pulumi/pulumi";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import {
  discoveredLabel,
  metricLabels,
  metricLabelSources,
} from "../../../platform/scaling/metric-labels.ts";
import { childOptions } from "../../child-options.ts";
import { namespaceNamed } from "../../cluster/namespace-label.ts";

export interface MetricsMonitorArgs {
  /** Name of the objects. */
  readonly objectName: string;
  readonly namespace: string;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /** What the Prometheus of the cluster selects monitors by. */
  readonly monitorLabels: Readonly<Record<string, string>>;
  /** Labels of the pods that are measured. */
  readonly podLabels: Readonly<Record<string, string>>;
  readonly endpoint: MetricsEndpoint;
  /**
   * Where Prometheus' pods are: they are let in.
   * @default nobody is
   */
  readonly prometheusNamespace?: string;
}

/** Where a pod says what it measures. */
export interface MetricsEndpoint {
  /** Name of the container's port. */
  readonly port: string;
  readonly portNumber: number;
  /** HTTP path. */
  readonly path: string;
}

export const podMonitorApi = { apiVersion: "monitoring.coreos.com/v1", kind: "PodMonitor" } as const;

/** Queries over a minute find several samples; an engine's page of metrics costs it a few milliseconds. */
const scrapeSeconds = 15;

/** Has Prometheus measure pods, under labels by which queries find a replica group whatever its engine is. */
export class MetricsMonitor extends pulumi.ComponentResource {
  constructor(name: string, args: MetricsMonitorArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:MetricsMonitor", name, {}, opts);
    const child = childOptions(this, opts);
    const { objectName, namespace, prometheusNamespace } = args;

    new CustomResource(
      `${name}-pod-monitor`,
      {
        ...podMonitorApi,
        metadata: { name: objectName, namespace, labels: { ...args.monitorLabels, ...args.labels } },
        spec: podMonitorSpec(args),
      },
      child,
    );

    if (prometheusNamespace !== undefined) {
      new NetworkPolicy(
        `${name}-from-prometheus`,
        {
          metadata: { name: `${objectName}-from-prometheus`, namespace, labels: { ...args.labels } },
          spec: {
            podSelector: { matchLabels: { ...args.podLabels } },
            policyTypes: ["Ingress"],
            ingress: [
              {
                from: [
                  {
                    namespaceSelector: namespaceNamed(prometheusNamespace),
                    // The label that Prometheus' operator and charts give its pods.
                    podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
                  },
                ],
                ports: [{ protocol: "TCP", port: args.endpoint.portNumber }],
              },
            ],
          },
        },
        child,
      );
    }

    this.registerOutputs({});
  }
}

/** `spec` of the Prometheus operator's PodMonitor. */
export function podMonitorSpec({
  namespace,
  podLabels,
  endpoint,
}: Pick<MetricsMonitorArgs, "namespace" | "podLabels" | "endpoint">): object {
  const { port, path } = endpoint;
  return {
    namespaceSelector: { matchNames: [namespace] },
    selector: { matchLabels: { ...podLabels } },
    podMetricsEndpoints: [
      {
        port,
        path,
        interval: `${scrapeSeconds}s`,
        relabelings: (Object.keys(metricLabels) as (keyof typeof metricLabels)[]).map((label) => ({
          action: "replace",
          sourceLabels: [discoveredLabel(metricLabelSources[label])],
          targetLabel: metricLabels[label],
        })),
      },
    ],
  };
}
