import type * as pulumi from "@pulumi/pulumi";
import type { AddonName } from "../../platform/engines/addon-name.ts";
import type { AddonModes } from "./addon-mode.ts";
import type { AddonOwner } from "./addon-owner.ts";
import { DynamoPlatformAddon, type DynamoPlatformSettings } from "./dynamo-platform-addon.ts";
import { KedaAddon } from "./keda-addon.ts";
import { LeaderWorkerSetAddon } from "./leader-worker-set-addon.ts";
import { PrometheusOperatorAddon } from "./prometheus-operator-addon.ts";

export interface AddonComponentsArgs extends AddonOwner {
  /** The add-ons in use. */
  readonly modes: AddonModes;
  /**
   * What the Dynamo platform is installed with.
   * @default it is not installed
   */
  readonly dynamo?: DynamoPlatformSettings;
}

/**
 * The add-ons of a spec. Resources of their custom kinds depend on the component of the add-on, which ends in a gate
 * that reads the kinds' definitions from the cluster.
 */
export function addonComponents(
  { platform, stage, modes, dynamo }: AddonComponentsArgs,
  opts: Pick<pulumi.ComponentResourceOptions, "parent" | "providers">,
): ReadonlyMap<AddonName, pulumi.ComponentResource> {
  const found = new Map<AddonName, pulumi.ComponentResource>();
  if (modes.prometheusOperator) {
    const args = { platform, stage, mode: modes.prometheusOperator };
    found.set("prometheusOperator", new PrometheusOperatorAddon("prometheus-operator", args, opts));
  }
  if (modes.keda) {
    found.set("keda", new KedaAddon("keda", { platform, stage, mode: modes.keda }, opts));
  }
  if (modes.leaderWorkerSet) {
    const args = { platform, stage, mode: modes.leaderWorkerSet };
    found.set("leaderWorkerSet", new LeaderWorkerSetAddon("leader-worker-set", args, opts));
  }
  if (modes.dynamoPlatform) {
    const args = { platform, stage, mode: modes.dynamoPlatform, ...(dynamo ? { settings: dynamo } : {}) };
    // Its chart makes PodMonitors and its operator LeaderWorkerSets.
    const dependsOn = [found.get("prometheusOperator"), found.get("leaderWorkerSet")].filter(
      (addon) => addon !== undefined,
    );
    found.set("dynamoPlatform", new DynamoPlatformAddon("dynamo-platform", args, { ...opts, dependsOn }));
  }
  return found;
}
