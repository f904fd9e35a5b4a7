import * as pulumi from "@pulumi/pulumi";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { HorizontalPodAutoscaler } from "@pulumi/kubernetes/autoscaling/v2/index.js";
import { childOptions } from "../../child-options.ts";
import { horizontalPodAutoscalerSpec } from "./horizontal-pod-autoscaler.ts";
import type { GroupScaling } from "./scaled-group.ts";
import { scaledObjectApi, scaledObjectSpec } from "./scaled-object.ts";

export interface GroupScalerArgs extends GroupScaling {
  /** Labels of the object. */
  readonly labels: Readonly<Record<string, string>>;
  /** The engine's gauge of waiting requests. */
  readonly queueGauge: string;
  /**
   * Base URL of Prometheus, from inside the cluster. KEDA needs it.
   * @default an adapter in the cluster knows it
   */
  readonly prometheus?: string;
  /** Where the proxy's pods are. */
  readonly proxyNamespace: string;
}

/**
 * Lets the replicas of a group follow its load, by KEDA or by a HorizontalPodAutoscaler. What it scales must leave its
 * `replicas` out, else every update sets them back.
 */
export class GroupScaler extends pulumi.ComponentResource {
  constructor(name: string, args: GroupScalerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:GroupScaler", name, {}, opts);
    const { group, autoscaling, labels, prometheus } = args;
    const child = childOptions(this, opts);
    const metadata = { name: group.name, namespace: group.namespace, labels: { ...labels } };

    if (autoscaling.scaler === "hpa") {
      new HorizontalPodAutoscaler(
        `${name}-hpa`,
        { metadata, spec: horizontalPodAutoscalerSpec(args) },
        child,
      );
    } else {
      if (prometheus === undefined) {
        throw new pulumi.InputPropertyError({
          propertyPath: "prometheus",
          reason: `KEDA scales ${group.name} by what Prometheus knows, and no address of it is given`,
        });
      }
      new CustomResource(
        `${name}-scaled-object`,
        { ...scaledObjectApi, metadata, spec: scaledObjectSpec({ ...args, prometheus }) },
        child,
      );
    }

    this.registerOutputs({});
  }
}
