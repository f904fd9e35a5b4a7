import type { NodePoolAllocation } from "../allocation.ts";
import { certain } from "../certain.ts";
import { compareText } from "../text-order.ts";
import type { NodeType } from "./node-fit.ts";
import type { AcceleratorPacking } from "./pack.ts";
import type { ReplicaClass } from "./replica-class.ts";

/** The packing as pools of equal instance types, with every node's content by group. */
export function nodePoolsOf(accelerator: string, packing: AcceleratorPacking): readonly NodePoolAllocation[] {
  const left = packing.classes.map((one) => one.demands.map(({ replicas }) => replicas));
  const pools = new Map<NodeType, NodePoolAllocation["nodes"][number][]>();
  // Fullest nodes first, so that what is left over stands together at the end of its pool.
  const patterns = packing.patterns.toSorted(
    (a, b) =>
      compareText(a.node.instanceType.name, b.node.instanceType.name) ||
      compareText(a.node.purchase, b.node.purchase) ||
      compareText(a.node.zone ?? "", b.node.zone ?? "") ||
      compareContents(b.contents, a.contents),
  );
  for (const { node, contents, nodeCount } of patterns) {
    const nodes = pools.get(node) ?? [];
    pools.set(node, nodes);
    for (let each = 0; each < nodeCount; each++) {
      const held = packing.classes.flatMap((one, index) =>
        takeReplicas(one, certain(left[index]), certain(contents[index])),
      );
      const spare = byGroup(held.filter((one) => one.isSpare));
      nodes.push({
        replicas: byGroup(held.filter((one) => !one.isSpare)),
        ...(spare.length > 0 ? { spare } : {}),
      });
    }
  }
  return [...pools].map(([{ instanceType, purchase, usdPerHour, zone }, nodes]) => ({
    accelerator,
    instanceType: instanceType.name,
    ...(purchase === "on-demand" ? {} : { purchase }),
    ...(zone === undefined ? {} : { zone }),
    nodeCount: nodes.length,
    usdPerHour: nodes.length * usdPerHour,
    nodes,
  }));
}

interface HeldReplicas {
  readonly group: string;
  readonly count: number;
  readonly isSpare: boolean;
}

function takeReplicas(one: ReplicaClass, left: number[], wanted: number): readonly HeldReplicas[] {
  const taken: HeldReplicas[] = [];
  let missing = wanted;
  for (const [index, { group, spare = false }] of one.demands.entries()) {
    const count = Math.min(missing, certain(left[index]));
    if (count === 0) continue;
    left[index] = certain(left[index]) - count;
    missing -= count;
    taken.push({ group, count, isSpare: spare });
  }
  return taken;
}

/** A group has several entries where some of its replicas may stand on spot nodes and others may not. */
function byGroup(
  held: readonly HeldReplicas[],
): readonly { readonly group: string; readonly count: number }[] {
  const groups = Map.groupBy(held, ({ group }) => group);
  return [...groups]
    .map(([group, parts]) => ({ group, count: parts.reduce((sum, { count }) => sum + count, 0) }))
    .toSorted((a, b) => compareText(a.group, b.group));
}

function compareContents(a: readonly number[], b: readonly number[]): number {
  for (const [index, count] of a.entries()) if (count !== b[index]) return count - certain(b[index]);
  return 0;
}
