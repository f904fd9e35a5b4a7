import { certain } from "../certain.ts";
import type { NodePoolAllocation } from "../allocation.ts";
import type { InstanceType } from "../catalog/catalog.ts";
import type { NodeReservation } from "../problem.ts";
import { compareText } from "../text-order.ts";
import { usdPerHourOf } from "./cover-problem.ts";
import { exactCover } from "./exact-cover.ts";
import { greedyCover } from "./greedy-cover.ts";
import { nodeTypesByAccelerator } from "./node-fit.ts";
import type { NodeType } from "./node-fit.ts";
import { provenCover } from "./proven-cover.ts";
import { replicaClasses, replicasOn } from "./replica-class.ts";
import type { NodePattern, ReplicaClass, ReplicaDemand } from "./replica-class.ts";

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
): Packing {
  const nodeTypes = nodeTypesByAccelerator(instanceTypes, reservation);
  const byAccelerator = Map.groupBy(replicas, ({ accelerator }) => accelerator);
  const nodePools: NodePoolAllocation[] = [];
  const unpacked: string[] = [];
  let lowerBoundUsdPerHour = 0;
  for (const accelerator of [...byAccelerator.keys()].toSorted(compareText)) {
    const packing = packWithProof(
      certain(byAccelerator.get(accelerator)),
      nodeTypes.get(accelerator) ?? [],
      gpuLimits[accelerator],
    );
    if (packing) {
      nodePools.push(...nodePoolsOf(accelerator, packing));
      lowerBoundUsdPerHour += packing.lowerBoundUsdPerHour;
    } else unpacked.push(accelerator);
  }
  const usdPerHour = nodePools.reduce((sum, pool) => sum + pool.usdPerHour, 0);
  return { nodePools, usdPerHour, lowerBoundUsdPerHour, unpacked };
}

const nodePrice = ({ usdPerHour }: NodeType) => usdPerHour;

/** Cards before money: a million dollars an hour are worth less than one card. */
const cardsFirst = ({ instanceType, usdPerHour }: NodeType) => instanceType.gpuCount + usdPerHour * 1e-6;

/** Undefined where the replicas fit on no node, or only with more cards than `gpuLimit`. */
export function packAccelerator(
  demands: readonly ReplicaDemand[],
  nodeTypes: readonly NodeType[],
  gpuLimit: number = Number.POSITIVE_INFINITY,
): AcceleratorPacking | undefined {
  const classes = replicaClasses(demands);
  if (classes.length === 0) return { usdPerHour: 0, gpuCount: 0, classes, patterns: [] };
  // The cheapest nodes may waste cards that a limit does not have; then those with the fewest cards are taken.
  for (const price of [nodePrice, cardsFirst]) {
    const patterns = exactCover(classes, nodeTypes, price) ?? greedyCover(classes, nodeTypes, price);
    if (!patterns) return undefined;
    const packing = packingOf(classes, patterns);
    if (packing.gpuCount <= gpuLimit) return packing;
  }
  return undefined;
}

function packingOf(classes: readonly ReplicaClass[], patterns: readonly NodePattern[]): AcceleratorPacking {
  const gpuCount = patterns.reduce((sum, one) => sum + one.nodeCount * one.node.instanceType.gpuCount, 0);
  return { usdPerHour: usdPerHourOf(patterns), gpuCount, classes, patterns };
}

/**
 * The cheapest nodes that {@link packAccelerator} or a second of search finds, and how far from the least cost they
 * may be. What packs the replicas for good; searches that compare thousands of packings take the other.
 */
export function packWithProof(
  demands: readonly ReplicaDemand[],
  nodeTypes: readonly NodeType[],
  gpuLimit: number = Number.POSITIVE_INFINITY,
): ProvenPacking | undefined {
  const known = packAccelerator(demands, nodeTypes, gpuLimit);
  const classes = known?.classes ?? replicaClasses(demands);
  if (classes.length === 0)
    return { usdPerHour: 0, gpuCount: 0, classes, patterns: [], lowerBoundUsdPerHour: 0 };
  if (classes.some((one) => nodeTypes.every((node) => replicasOn(node, one) === 0))) return undefined;
  const limits = Number.isFinite(gpuLimit)
    ? [{ most: gpuLimit, countOf: ({ instanceType }: NodeType) => instanceType.gpuCount }]
    : [];
  const { patterns, lowerBoundUsdPerHour } = provenCover({ classes, nodeTypes, limits }, known?.patterns);
  return patterns && { ...packingOf(classes, patterns), lowerBoundUsdPerHour };
}

/** The packing as pools of equal instance types, with every node's content by group. */
export function nodePoolsOf(accelerator: string, packing: AcceleratorPacking): readonly NodePoolAllocation[] {
  const left = packing.classes.map((one) => one.demands.map(({ replicas }) => replicas));
  const pools = new Map<InstanceType, NodePoolAllocation["nodes"][number][]>();
  // Fullest nodes first, so that what is left over stands together at the end of its pool.
  const patterns = packing.patterns.toSorted(
    (a, b) =>
      compareText(a.node.instanceType.name, b.node.instanceType.name) ||
      compareContents(b.contents, a.contents),
  );
  for (const { node, contents, nodeCount } of patterns) {
    const nodes = pools.get(node.instanceType) ?? [];
    pools.set(node.instanceType, nodes);
    for (let each = 0; each < nodeCount; each++) {
      const replicas = packing.classes.flatMap((one, index) =>
        takeReplicas(one, certain(left[index]), certain(contents[index])),
      );
      nodes.push({ replicas: replicas.toSorted((a, b) => compareText(a.group, b.group)) });
    }
  }
  return [...pools].map(([instanceType, nodes]) => ({
    accelerator,
    instanceType: instanceType.name,
    nodeCount: nodes.length,
    usdPerHour: nodes.length * instanceType.usdPerHour,
    nodes,
  }));
}

function takeReplicas(
  one: ReplicaClass,
  left: number[],
  wanted: number,
): readonly { readonly group: string; readonly count: number }[] {
  const taken: { group: string; count: number }[] = [];
  let missing = wanted;
  for (const [index, { group }] of one.demands.entries()) {
    const count = Math.min(missing, certain(left[index]));
    if (count === 0) continue;
    left[index] = certain(left[index]) - count;
    missing -= count;
    taken.push({ group, count });
  }
  return taken;
}

function compareContents(a: readonly number[], b: readonly number[]): number {
  for (const [index, count] of a.entries()) if (count !== b[index]) return count - certain(b[index]);
  return 0;
}
