import { certain } from "../certain.ts";
import { fillNode, holds } from "./replica-class.ts";
import type { NodePattern, ReplicaClass } from "./replica-class.ts";
import type { NodePrice } from "./exact-cover.ts";
import { replicasPerNode } from "./node-fit.ts";
import type { NodeType } from "./node-fit.ts";

/**
 * Nodes that hold all replicas, cheap but not proven cheapest. For every pair of node types, and each alone, nodes
 * are filled one after the other with whatever gives most for their price, until nothing remains; then every node is
 * exchanged for the cheapest type that holds its content. The cheapest outcome wins. Working by pairs keeps a promise
 * that filling from all types at once would break: one more type to choose from does not cost more.
 */
export function greedyCover(
  classes: readonly ReplicaClass[],
  nodeTypes: readonly NodeType[],
  price: NodePrice,
): readonly NodePattern[] | undefined {
  let best: readonly NodePattern[] | undefined;
  let bestPrice = Number.POSITIVE_INFINITY;
  const keepCheapest = (offered: readonly NodeType[]) => {
    const nodes = fillFrom(offered, classes, price)?.map((pattern) =>
      exchangedForCheapest(pattern, classes, nodeTypes, price),
    );
    if (!nodes) return;
    const total = nodes.reduce((sum, { node, nodeCount }) => sum + nodeCount * price(node), 0);
    if (total < bestPrice - 1e-9) {
      best = nodes;
      bestPrice = total;
    }
  };
  for (const [index, first] of nodeTypes.entries()) {
    for (const second of nodeTypes.slice(index)) keepCheapest([first, second]);
  }
  // Replicas so different that no two types hold them all.
  if (!best) keepCheapest(nodeTypes);
  return best;
}

/**
 * What a node's content is worth: each replica counts what it costs on the node type that suits its class best. So
 * the scarce resource decides, whether that is cards, memory or CPU. Where a class wants most of one resource, the
 * node is filled starting from that class.
 */
function fillFrom(
  offered: readonly NodeType[],
  classes: readonly ReplicaClass[],
  price: NodePrice,
): readonly NodePattern[] | undefined {
  const worth = classes.map((one) =>
    Math.min(
      ...offered.map((node) => price(node) / replicasPerNode(node.allocatable, one.gpusPerReplica, one)),
    ),
  );
  if (!worth.every(Number.isFinite)) return undefined;
  const orders = fillOrders(classes);
  const remaining = classes.map(({ replicas }) => replicas);
  const nodes: NodePattern[] = [];
  while (remaining.some((count) => count > 0)) {
    let chosen: { readonly node: NodeType; readonly contents: readonly number[] } | undefined;
    let leastPerWorth = Number.POSITIVE_INFINITY;
    for (const node of offered) {
      for (const order of orders) {
        const contents = fillNode(node.allocatable, classes, remaining, order);
        const worthHeld = contents.reduce((sum, held, index) => sum + held * certain(worth[index]), 0);
        if (worthHeld > 0 && price(node) / worthHeld < leastPerWorth - 1e-12) {
          leastPerWorth = price(node) / worthHeld;
          chosen = { node, contents };
        }
      }
    }
    if (!chosen) return undefined;
    const { node, contents } = chosen;
    // The same filling again and again, while as much remains: many replicas cost no more steps than few.
    const nodeCount = Math.min(
      ...contents.map((held, index) =>
        held > 0 ? Math.floor(certain(remaining[index]) / held) : Number.POSITIVE_INFINITY,
      ),
    );
    for (const [index, held] of contents.entries())
      remaining[index] = certain(remaining[index]) - held * nodeCount;
    nodes.push({ node, contents, nodeCount });
  }
  return nodes;
}

function fillOrders(classes: readonly ReplicaClass[]): readonly (readonly number[])[] {
  const indices = [...classes.keys()];
  // The classes come with the most cards first.
  const byMemory = indices.toSorted(
    (a, b) => certain(classes[b]).memoryMiB - certain(classes[a]).memoryMiB || a - b,
  );
  const byCpu = indices.toSorted(
    (a, b) => certain(classes[b]).cpuMillis - certain(classes[a]).cpuMillis || a - b,
  );
  const key = (order: readonly number[]) => order.join(" ");
  return [...new Map([indices, byMemory, byCpu].map((order) => [key(order), order])).values()];
}

function exchangedForCheapest(
  pattern: NodePattern,
  classes: readonly ReplicaClass[],
  nodeTypes: readonly NodeType[],
  price: NodePrice,
): NodePattern {
  let cheapest = pattern.node;
  for (const node of nodeTypes) {
    if (price(node) < price(cheapest) && holds(node, classes, pattern.contents)) cheapest = node;
  }
  return { ...pattern, node: cheapest };
}
