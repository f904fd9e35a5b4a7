import { certain } from "../certain.ts";
import type { NodePoolAllocation } from "../allocation.ts";
import type { InstanceType } from "../catalog/catalog.ts";
import type { NodeReservation } from "../problem.ts";
import { compareText } from "../text-order.ts";
import { usdPerHourOf } from "./cover-problem.ts";
import type { CoverProblem, NodeLimit } from "./cover-problem.ts";
import { nodeTypesByAccelerator } from "./node-fit.ts";
import type { NodeType } from "./node-fit.ts";
import type { NodeOptions } from "./node-options.ts";
import { nodePoolsOf } from "./node-pools.ts";
import { provenCover } from "./proven-cover.ts";
import { quickCover } from "./quick-cover.ts";
import { replicaClasses, replicasOn } from "./replica-class.ts";
import type { NodePattern, ReplicaClass, ReplicaDemand } from "./replica-class.ts";
import { spreadDemands } from "./spread-demands.ts";

/** The nodes of one accelerator. */
export interface AcceleratorPacking {
  readonly usdPerHour: number;
  /** Cards of all nodes, in use or not. */
  readonly gpuCount: number;
  readonly classes: readonly ReplicaClass[];
  readonly patterns: readonly NodePattern[];
}

/** Nodes with the proof of how good they are. */
export interface ProvenPacking extends AcceleratorPacking {
  /** No nodes that hold these replicas within the limits cost less; equal to `usdPerHour` where that is the least. */
  readonly lowerBoundUsdPerHour: number;
}

export interface Packing {
  readonly nodePools: readonly NodePoolAllocation[];
  readonly usdPerHour: number;
  /** Of the accelerators that are packed. */
  readonly lowerBoundUsdPerHour: number;
  /** Accelerators whose replicas do not fit: on no node, or not within the limit on cards. */
  readonly unpacked: readonly string[];
}

/** Least-cost nodes for the replicas. The limits count the cards of the nodes, because those are what there is. */
export function pack(
  replicas: readonly ReplicaDemand[],
  instanceTypes: readonly InstanceType[],
  reservation: NodeReservation,
  gpuLimits: Readonly<Record<string, number>> = {},
  options: NodeOptions = {},
): Packing {
  const nodeTypes = nodeTypesByAccelerator(instanceTypes, reservation, options);
  const byAccelerator = Map.groupBy(replicas, ({ accelerator }) => accelerator);
  const nodePools: NodePoolAllocation[] = [];
  const unpacked: string[] = [];
  let lowerBoundUsdPerHour = 0;
  for (const accelerator of [...byAccelerator.keys()].toSorted(compareText)) {
    const packing = packWithProof(
      certain(byAccelerator.get(accelerator)),
      nodeTypes.get(accelerator) ?? [],
      gpuLimits[accelerator],
      options,
    );
    if (packing) {
      nodePools.push(...nodePoolsOf(accelerator, packing));
      lowerBoundUsdPerHour += packing.lowerBoundUsdPerHour;
    } else unpacked.push(accelerator);
  }
  const usdPerHour = nodePools.reduce((sum, pool) => sum + pool.usdPerHour, 0);
  return { nodePools, usdPerHour, lowerBoundUsdPerHour, unpacked };
}

/**
 * Cheap nodes within a millisecond or two. Undefined where the replicas fit on no node, or none are found that keep
 * the limits.
 */
export function packAccelerator(
  demands: readonly ReplicaDemand[],
  nodeTypes: readonly NodeType[],
  gpuLimit: number = Number.POSITIVE_INFINITY,
  options: NodeOptions = {},
): AcceleratorPacking | undefined {
  const problem = coverProblem(demands, nodeTypes, gpuLimit, options);
  if (cardsOf(problem.classes) > gpuLimit) return undefined;
  const cover = quickCover(problem);
  return cover && packingOf(problem.classes, cover.patterns);
}

/**
 * The cheapest nodes that {@link packAccelerator} or a second of search finds, and how far from the least cost they
 * may be. What packs the replicas for good; searches that compare thousands of packings take the other.
 */
export function packWithProof(
  demands: readonly ReplicaDemand[],
  nodeTypes: readonly NodeType[],
  gpuLimit: number = Number.POSITIVE_INFINITY,
  options: NodeOptions = {},
): ProvenPacking | undefined {
  const problem = coverProblem(demands, nodeTypes, gpuLimit, options);
  const { classes } = problem;
  if (classes.some((one) => nodeTypes.every((node) => replicasOn(node, one) === 0))) return undefined;
  if (cardsOf(classes) > gpuLimit) return undefined;
  if (classes.length === 0) return { ...packingOf(classes, []), lowerBoundUsdPerHour: 0 };
  const { patterns, lowerBoundUsdPerHour } = provenCover(problem, quickCover(problem)?.patterns);
  return patterns && { ...packingOf(classes, patterns), lowerBoundUsdPerHour };
}

function coverProblem(
  demands: readonly ReplicaDemand[],
  nodeTypes: readonly NodeType[],
  gpuLimit: number,
  options: NodeOptions,
): CoverProblem {
  const limits: NodeLimit[] = [];
  if (Number.isFinite(gpuLimit)) {
    limits.push({ most: gpuLimit, countOf: ({ instanceType }) => instanceType.gpuCount });
  }
  const isSame = (a: NodeType, b: NodeType) =>
    a.instanceType.name === b.instanceType.name && a.purchase === b.purchase;
  for (const [at, limited] of nodeTypes.entries()) {
    // The nodes of all zones count together: one limit for the first of them.
    if (limited.mostNodes === undefined || nodeTypes.findIndex((node) => isSame(node, limited)) < at)
      continue;
    limits.push({ most: limited.mostNodes, countOf: (node) => Number(isSame(node, limited)) });
  }
  return { classes: replicaClasses(spreadDemands(demands, options)), nodeTypes, limits };
}

function cardsOf(classes: readonly ReplicaClass[]): number {
  return classes.reduce((sum, { replicas, gpusPerReplica }) => sum + replicas * gpusPerReplica, 0);
}

function packingOf(classes: readonly ReplicaClass[], patterns: readonly NodePattern[]): AcceleratorPacking {
  const gpuCount = patterns.reduce((sum, one) => sum + one.nodeCount * one.node.instanceType.gpuCount, 0);
  return { usdPerHour: usdPerHourOf(patterns), gpuCount, classes, patterns };
}
