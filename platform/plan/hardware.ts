import type { Accelerator, Catalog, InstanceType } from "../../optimizer/catalog/catalog.ts";
import { onDemand, type NodeOptions, type PurchaseOption } from "../../optimizer/packing/node-options.ts";
import type { NodeReservation } from "../../optimizer/problem.ts";
import type { PlatformSpec } from "../spec/schema.ts";

/**
 * What Domino's daemons take of every GPU node: CNI, kube-proxy, Calico, EFS and EBS CSI, device plugin, DCGM exporter,
 * log and metrics agents. An upper bound from their charts' default requests.
 */
export const nodeReservation: NodeReservation = {
  daemonCpuMillis: 800,
  daemonMemoryMiB: 1_536,
  daemonPodCount: 12,
};

export interface Hardware {
  readonly accelerators: readonly Accelerator[];
  readonly instanceTypes: readonly InstanceType[];
  readonly gpuLimits: Readonly<Record<string, number>>;
  readonly nodeOptions: NodeOptions;
}

/**
 * Accelerators and instance types that the spec allows: the catalog's cards and its own accelerators, or those that
 * `accelerators.use` names, which may be slices of cards and shares of CPU nodes too.
 */
export function allowedHardware(spec: PlatformSpec, catalog: Catalog): Hardware {
  const custom = spec.accelerators?.custom ?? [];
  const used = spec.accelerators?.use;
  const allowed = (name: string) => used?.includes(name) ?? true;
  // Not every cluster can cut cards, nor every model run without one.
  const partial = used ? catalog.partial : { accelerators: [], instanceTypes: [] };
  return {
    accelerators: [
      ...catalog.accelerators,
      ...partial.accelerators,
      ...custom.map((accelerator) => ({
        name: accelerator.name,
        memoryGiB: accelerator.memory,
        memoryBandwidthGBps: accelerator.memoryBandwidth,
        dense16BitTflops: accelerator.dense16BitTflops,
        source: accelerator.source,
      })),
    ].filter((accelerator) => allowed(accelerator.name)),
    instanceTypes: [
      ...catalog.instanceTypes,
      ...partial.instanceTypes,
      ...custom.flatMap((accelerator) =>
        accelerator.instanceTypes.map((type) => ({
          name: type.name,
          accelerator: accelerator.name,
          gpuCount: type.gpus,
          vcpuCount: type.vcpus,
          memoryGiB: type.memory,
          maxPodCount: type.maxPods,
          usdPerHour: type.price,
        })),
      ),
    ].filter((type) => allowed(type.accelerator)),
    gpuLimits: spec.accelerators?.limits ?? {},
    nodeOptions: nodeOptions(spec),
  };
}

function nodeOptions({ nodes }: PlatformSpec): NodeOptions {
  if (!nodes) return {};
  return {
    purchase: nodes.purchase.map((option): PurchaseOption => {
      if (option === "on-demand") return onDemand;
      const { kind, priceFraction, mostNodes } = option;
      return { kind, priceFraction, ...(mostNodes ? { mostNodes } : {}) };
    }),
    ...(nodes.mostSpotFraction === undefined ? {} : { mostSpotFraction: nodes.mostSpotFraction }),
    ...(nodes.headroom === undefined ? {} : { headroomFraction: nodes.headroom }),
  };
}
