import type { NodePoolAllocation } from "../../optimizer/allocation.ts";
import type { Accelerator, PartialDevice } from "../../optimizer/catalog/catalog.ts";
import type { ReplicaResources, ReplicaShape } from "../../optimizer/workload.ts";
import type { EngineProfile } from "../engines/engine-profile.ts";

/** Extended resource of whole cards. */
const cardResource = "nvidia.com/gpu";

/**
 * Extended resource that a pod requests one of for each accelerator of its replica; undefined where it needs none. Of
 * slices it is what NVIDIA's device plugin offers under its `mixed` strategy, under which nodes differ in how they are
 * cut.
 */
export function deviceResource(device: PartialDevice | undefined): string | undefined {
  if (!device) return cardResource;
  return device.kind === "mig" ? `nvidia.com/mig-${device.profile}` : undefined;
}

/** Configuration of NVIDIA's MIG manager that cuts all cards of a node alike, as its default configuration names it. */
export function migConfig(device: PartialDevice | undefined): string | undefined {
  return device?.kind === "mig" ? `all-${device.profile}` : undefined;
}

/** Cards in so many accelerators: fractions where cards are cut, none where there are only CPUs. */
export function cardsIn(acceleratorCount: number, device: PartialDevice | undefined): number {
  if (!device) return acceleratorCount;
  return device.kind === "mig" ? acceleratorCount / device.perCard : 0;
}

/** Nodes that are interchangeable: of one instance type, with cards cut one way where they are, bought one way. */
export function nodeKind(
  { instanceType, purchase = "on-demand" }: Pick<NodePoolAllocation, "instanceType" | "purchase">,
  device: PartialDevice | undefined,
): string {
  const cut = device?.kind === "mig" ? `${instanceType}-${device.profile}` : instanceType;
  return purchase === "on-demand" ? cut : `${cut} ${purchase}`;
}

export function deviceOf(
  accelerator: string,
  accelerators: readonly Accelerator[],
): PartialDevice | undefined {
  return accelerators.find(({ name }) => name === accelerator)?.device;
}

/** What replicas of an engine request: on CPU their whole share, since nothing else computes. */
export function replicaResources(
  engine: EngineProfile,
  accelerators: readonly Accelerator[],
): (shape: ReplicaShape) => ReplicaResources {
  const cpuMillis = new Map(
    accelerators.flatMap(({ name, device }) =>
      device?.kind === "cpu" ? [[name, device.cpuMillis] as const] : [],
    ),
  );
  if (cpuMillis.size === 0) return engine.resources;
  return (shape) => {
    const resources = engine.resources(shape);
    const ofShare = cpuMillis.get(shape.accelerator);
    return ofShare === undefined ? resources : { ...resources, cpuMillis: ofShare * shape.gpusPerReplica };
  };
}
