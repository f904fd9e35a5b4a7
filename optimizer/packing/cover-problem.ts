import { certain } from "../certain.ts";
import type { NodeType } from "./node-fit.ts";
import { holds } from "./replica-class.ts";
import type { NodePattern, ReplicaClass } from "./replica-class.ts";

/** Replicas of an accelerator and the nodes that may hold them. */
export interface CoverProblem {
  readonly classes: readonly ReplicaClass[];
  readonly nodeTypes: readonly NodeType[];
  readonly limits: readonly NodeLimit[];
}

/** Something that all nodes together may have only so much of: cards of an accelerator, nodes that are reserved. */
export interface NodeLimit {
  readonly most: number;
  /** What one node of the type counts. */
  readonly countOf: (node: NodeType) => number;
}

/** Prices and their sums in USD per hour that differ by less are equal. */
export const equalUsdPerHour = 1e-9;

export function usdPerHourOf(patterns: readonly NodePattern[]): number {
  return patterns.reduce((sum, { node, nodeCount }) => sum + nodeCount * node.usdPerHour, 0);
}

export function isWithin(limits: readonly NodeLimit[], patterns: readonly NodePattern[]): boolean {
  return limits.every(({ most, countOf }) => {
    const count = patterns.reduce((sum, { node, nodeCount }) => sum + nodeCount * countOf(node), 0);
    return count <= most;
  });
}

/**
 * The same nodes without the replicas that are held more often than there are, without nodes that are empty then,
 * each exchanged for the cheapest type that holds what is left on it and counts no more for any limit.
 */
export function trimmed(problem: CoverProblem, patterns: readonly NodePattern[]): readonly NodePattern[] {
  const { classes, nodeTypes, limits } = problem;
  const left = classes.map(({ replicas }) => replicas);
  const kept: NodePattern[] = [];
  for (const { node, contents, nodeCount } of patterns) {
    let rest = nodeCount;
    while (rest > 0) {
      const held = contents.map((count, index) => Math.min(count, certain(left[index])));
      if (held.every((count) => count === 0)) break;
      // As many nodes at once as are equally full.
      const alike = held.map((count, index) => (count > 0 ? Math.floor(certain(left[index]) / count) : rest));
      const nodes = Math.min(rest, ...alike);
      for (const [index, count] of held.entries()) left[index] = certain(left[index]) - count * nodes;
      rest -= nodes;
      kept.push({
        node: cheapestFor(held, node, classes, nodeTypes, limits),
        contents: held,
        nodeCount: nodes,
      });
    }
  }
  return kept;
}

function cheapestFor(
  contents: readonly number[],
  current: NodeType,
  classes: readonly ReplicaClass[],
  nodeTypes: readonly NodeType[],
  limits: readonly NodeLimit[],
): NodeType {
  let cheapest = current;
  for (const node of nodeTypes) {
    if (node.usdPerHour >= cheapest.usdPerHour) continue;
    if (!holds(node, classes, contents)) continue;
    if (limits.every(({ countOf }) => countOf(node) <= countOf(current))) cheapest = node;
  }
  return cheapest;
}
