import type * as pulumi from "@pulumi/pulumi";
import { Namespace } from "@pulumi/kubernetes/core/v1/index.js";
import { Release } from "@pulumi/kubernetes/helm/v3/index.js";
import { addonPolicies, type AddonTraffic } from "./addon-network.ts";
import { ownedLabels, type AddonOwner } from "./addon-owner.ts";

/** A Helm chart at one version, and all that is said to it. */
export interface AddonChart {
  /** Name of the release: begins the names of most of its objects. */
  readonly release: string;
  /** Name in the repository, or the whole address where it is an OCI registry. */
  readonly chart: string;
  /** Address of the chart repository; absent for OCI. */
  readonly repository?: string;
  readonly version: string;
  readonly namespace: string;
  /** The strictest of the Pod Security Standards that all pods of the chart meet. */
  readonly podSecurity: "restricted" | "baseline";
  readonly traffic: AddonTraffic;
  /** Nothing that matters is left to the chart's defaults, which change with its versions. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** Version of the Pod Security Standards, pinned for the same reason as in the inference namespaces. */
const podSecurityVersion = "v1.34";

const installSeconds = 900;

/** On top: Helm's own end comes first and says more. */
const installMarginSeconds = 60;

/** Releases of before that Helm keeps, to go back to. */
const keptReleases = 5;

/** Puts a chart into a namespace of its own. */
export function installChart(
  name: string,
  addon: AddonChart,
  owner: AddonOwner,
  child: pulumi.CustomResourceOptions,
): Release {
  const labels = ownedLabels(addon.release, owner);
  const namespace = new Namespace(
    `${name}-namespace`,
    {
      metadata: {
        name: addon.namespace,
        labels: {
          ...labels,
          "pod-security.kubernetes.io/enforce": addon.podSecurity,
          "pod-security.kubernetes.io/enforce-version": podSecurityVersion,
          "pod-security.kubernetes.io/warn": "restricted",
          "pod-security.kubernetes.io/warn-version": "latest",
        },
      },
    },
    child,
  );
  const policies = addonPolicies(name, addon.namespace, labels, addon.traffic, {
    ...child,
    dependsOn: [namespace],
  });
  return new Release(
    `${name}-release`,
    {
      name: addon.release,
      chart: addon.chart,
      version: addon.version,
      ...(addon.repository === undefined ? {} : { repositoryOpts: { repo: addon.repository } }),
      namespace: addon.namespace,
      // The namespace has labels that Helm would not give it.
      createNamespace: false,
      values: { ...addon.values },
      // A release that does not come up is taken back: half an operator would keep its webhooks, and they its objects.
      atomic: true,
      cleanupOnFail: true,
      skipAwait: false,
      waitForJobs: true,
      // Helm adds the definitions of a chart's crds/ folder once; it never changes or removes them.
      skipCrds: false,
      dependencyUpdate: false,
      maxHistory: keptReleases,
      timeout: installSeconds,
    },
    {
      ...child,
      dependsOn: [namespace, ...policies],
      customTimeouts: {
        create: `${installSeconds + installMarginSeconds}s`,
        update: `${installSeconds + installMarginSeconds}s`,
        delete: `${installSeconds}s`,
      },
    },
  );
}
