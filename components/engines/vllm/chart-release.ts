import * as pulumi from "@pulumi/pulumi";
import { DeploymentPatch } from "@pulumi/kubernetes/apps/v1/index.js";
import { Release } from "@pulumi/kubernetes/helm/v3/index.js";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import type { core } from "@pulumi/kubernetes/types/input.js";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { childOptions, siblingOptions } from "../../child-options.ts";
import { namespaceNamed } from "../../cluster/namespace-label.ts";
import { recommendedLabels, selectorLabels } from "../../labels.ts";
import type { EngineArgs } from "../engine-args.ts";
import { engineIdentity, infernoDeploymentLabels } from "../engine-labels.ts";
import { enginePod } from "../engine-pod.ts";
import { enginePriorityName } from "../engine-priorities.ts";
import { engineTimeouts } from "../engine-timeouts.ts";
import { monitoringNamespace } from "../group-operations.ts";
import { MetricsMonitor } from "../scaling/metrics-monitor.ts";
import {
  chartDeployment,
  chartPodComponent,
  chartPortName,
  chartReleaseMaxLength,
  chartValues,
  vllmChart,
} from "./chart-values.ts";
import { GroupAccess } from "../group-access.ts";
import { GroupEndpoint } from "../group-endpoint.ts";
import { vllmPodAdditions } from "./pod-additions.ts";

export interface ChartReleaseArgs extends Omit<EngineArgs, "groups"> {
  /** The replica group that is deployed. */
  readonly group: ReplicaGroupPlan;
}

/**
 * A replica group as a release of vLLM's own chart. The chart makes the Deployment; Service, policies, account, budget
 * and what the chart has no values for come beside it, so that a replica is drained and reached as everywhere else.
 */
export class ChartRelease extends pulumi.ComponentResource {
  constructor(name: string, args: ChartReleaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:ChartRelease", name, {}, opts);
    const { engine, group, models, proxy, monitoring } = args;
    if (group.name.length > chartReleaseMaxLength) {
      throw new pulumi.InputPropertyError({
        propertyPath: "group",
        reason: `the chart makes names of "${group.name}" that are too long: at most ${chartReleaseMaxLength} characters, or deployment: standalone`,
      });
    }
    const child = childOptions(this, opts);
    const beside = siblingOptions(opts);
    const profile = engineProfiles[engine.type];
    const labels = recommendedLabels(engineIdentity(engine, group));
    const podLabels = selectorLabels({ ...engineIdentity(engine, group), component: chartPodComponent });

    const access = new GroupAccess(name, { group, labels, podLabels, proxy, models }, beside);

    // The proxy's own policy names the labels of the platform's workloads, which the chart's pods cannot have.
    const fromProxy = new NetworkPolicy(
      `${name}-proxy-to-chart`,
      {
        metadata: { name: `${group.name}-proxy-to-chart`, namespace: proxy.namespace, labels },
        spec: {
          podSelector: { matchLabels: { ...proxy.labels } },
          policyTypes: ["Egress"],
          egress: [
            {
              to: [
                {
                  namespaceSelector: namespaceNamed(group.namespace),
                  podSelector: { matchLabels: podLabels },
                },
              ],
              ports: [{ protocol: "TCP", port: profile.ports.http }],
            },
          ],
        },
      },
      child,
    );

    const pod = enginePod({
      platform: args.platform,
      engine,
      group,
      profile,
      priorityClassName: enginePriorityName(args.platformNamespace, group),
      models,
      additions: vllmPodAdditions(group),
    });
    const { create, update, delete: end } = engineTimeouts(profile, group);
    const release = new Release(
      `${name}-release`,
      {
        // The chart makes app.kubernetes.io/instance of it, by which a group's pods and figures are found.
        name: group.name,
        namespace: group.namespace,
        chart: vllmChart.chart,
        version: vllmChart.version,
        repositoryOpts: { repo: vllmChart.repository },
        values: chartValues({
          engine,
          group,
          pod,
          labels: infernoDeploymentLabels(group, args.servers),
          ...(monitoring.prometheus === undefined ? {} : { prometheus: monitoring.prometheus }),
          proxyNamespace: proxy.namespace,
        }),
        // Of a controller that is off.
        skipCrds: true,
        // The patch below comes before the first replica has loaded its model; the Service waits for that.
        skipAwait: true,
        maxHistory: 3,
      },
      { ...child, dependsOn: [access, fromProxy], customTimeouts: { create, update, delete: end } },
    );

    const drained = new DeploymentPatch(
      `${name}-drain`,
      {
        metadata: {
          // Unknown until the release is there: a preview would look for the Deployment and not find it.
          name: release.id.apply(() => chartDeployment(group.name)),
          namespace: group.namespace,
          // The chart gives a rollout 20 minutes at most, which a large model alone takes to load.
          annotations: { "pulumi.com/skipAwait": "true" },
        },
        spec: { template: { spec: unsetByChart(pod.spec, engine.type, podLabels) } },
      },
      // It goes with the Deployment: taken back alone it would replace every replica first.
      { ...child, dependsOn: [release], retainOnDelete: true },
    );

    new GroupEndpoint(
      name,
      { group, labels, podLabels, answeringLabels: podLabels },
      { ...beside, dependsOn: [drained] },
    );

    if (monitoring.podMonitorLabels) {
      new MetricsMonitor(
        `${name}-monitor`,
        {
          objectName: group.name,
          namespace: group.namespace,
          labels,
          monitorLabels: monitoring.podMonitorLabels,
          podLabels,
          endpoint: {
            port: chartPortName,
            portNumber: profile.ports.metrics,
            path: profile.metrics.path,
          },
          ...monitoringNamespace(monitoring),
        },
        beside,
      );
    }

    this.registerOutputs({});
  }
}

/** What the chart has no values for: without it, running requests are cut off 30 seconds after the first signal. */
function unsetByChart(
  spec: core.v1.PodSpec,
  containerName: string,
  podLabels: Readonly<Record<string, string>>,
): core.v1.PodSpecPatch {
  const { terminationGracePeriodSeconds } = spec;
  const spread = (spec.topologySpreadConstraints ?? []) as core.v1.TopologySpreadConstraint[];
  const [container] = spec.containers as core.v1.Container[];
  return {
    ...(terminationGracePeriodSeconds === undefined ? {} : { terminationGracePeriodSeconds }),
    ...(spread.length === 0
      ? {}
      : {
          topologySpreadConstraints: spread.map((constraint) => ({
            ...constraint,
            labelSelector: { matchLabels: { ...podLabels } },
          })),
        }),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    containers: [
      { name: containerName, ...(container?.lifecycle ? { lifecycle: container.lifecycle } : {}) },
    ],
  };
}
