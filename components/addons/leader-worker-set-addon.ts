import * as pulumi from "@pulumi/pulumi";
import { childOptions } from "../child-options.ts";
import { installChart, type AddonChart } from "./addon-chart.ts";
import { addonFacts } from "./addon-facts.ts";
import type { AddonMode } from "./addon-mode.ts";
import type { AddonOwner } from "./addon-owner.ts";
import { platformNodeSelector } from "./platform-nodes.ts";
import { ReadinessGate } from "./readiness-gate.ts";

export interface LeaderWorkerSetAddonArgs extends AddonOwner {
  readonly mode: AddonMode;
}

/** LeaderWorkerSet, which runs replicas that span several nodes. */
export class LeaderWorkerSetAddon extends pulumi.ComponentResource {
  constructor(name: string, args: LeaderWorkerSetAddonArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:addons:LeaderWorkerSetAddon", name, {}, opts);
    const child = childOptions(this, opts);
    const release =
      args.mode === "install" ? installChart(name, leaderWorkerSetChart, args, child) : undefined;
    new ReadinessGate(
      `${name}-ready`,
      { definitions: addonFacts.leaderWorkerSet.definitions, ...(release ? { after: release.status } : {}) },
      child,
    );
    this.registerOutputs({});
  }
}

const leaderWorkerSetVersion = "0.10.0";

/** One of the ports at which Domino's control plane may reach nodes. */
const webhookPort = 9443;

const leaderWorkerSetChart: AddonChart = {
  release: "lws",
  chart: "oci://registry.k8s.io/lws/charts/lws",
  version: leaderWorkerSetVersion,
  namespace: addonFacts.leaderWorkerSet.namespace,
  podSecurity: "restricted",
  traffic: { fromApiServer: [webhookPort] },
  values: {
    image: {
      manager: {
        repository: "registry.k8s.io/lws/lws",
        // The chart's own default is a branch.
        tag: `v${leaderWorkerSetVersion}`,
        pullPolicy: "IfNotPresent",
      },
    },
    replicaCount: 2,
    resources: { requests: { cpu: "250m", memory: "512Mi" }, limits: { cpu: "1", memory: "1Gi" } },
    nodeSelector: platformNodeSelector,
    tolerations: [],
    podSecurityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    service: { type: "ClusterIP", port: webhookPort },
    enableCertManager: false,
    enablePrometheus: false,
    enableDisaggregatedSet: false,
    gangSchedulingManagement: {},
  },
};
