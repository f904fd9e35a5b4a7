import { certain } from "../certain.ts";
import type { CoverProblem, NodeLimit } from "./cover-problem.ts";
import { replicasPerNode } from "./node-fit.ts";
import type { NodeType } from "./node-fit.ts";
import { mayHold, roomLeft } from "./replica-class.ts";
import type { NodePattern, ReplicaClass } from "./replica-class.ts";

/** What a packing minimises: the price of a node in the first place, another measure among equal prices. */
export type NodePrice = (node: NodeType) => number;

/**
 * Combinations of placed replicas up to which mixes of several classes are solved exactly: some tenths of a
 * millisecond. The limit looks at the replicas only, so that more instance types never make an answer inexact.
 */
const mostMixedStates = 400;

/** The same for one class alone, which has one pattern a node type and so takes little time for each state. */
const mostAlikeStates = 20_000;

/** Costs closer than this many units of price are equal: sums of prices differ by rounding only. */
const equalPrice = 1e-9;

/**
 * The cheapest nodes that hold all replicas, by dynamic programming over how many of each class are placed.
 * The limits are not looked at: the caller does that. Undefined where no nodes hold the replicas, or where the problem
 * is too large to solve this way.
 */
export function exactCover(
  { classes, nodeTypes, limits }: CoverProblem,
  price: NodePrice,
): readonly NodePattern[] | undefined {
  const strides: number[] = [];
  let states = 1;
  for (const { replicas } of classes) {
    strides.push(states);
    states *= replicas + 1;
  }
  if (states > (classes.length === 1 ? mostAlikeStates : mostMixedStates)) return undefined;
  const patterns = withoutDominated(nodeTypes, classes, limits, price).flatMap((node) =>
    fullestContents(node, classes).map((contents) => ({ node, contents, price: price(node) })),
  );

  const cost = new Float64Array(states).fill(Number.POSITIVE_INFINITY);
  const nodeCount = new Int32Array(states);
  const choice = new Int32Array(states).fill(-1);
  cost[0] = 0;
  const placed = classes.map(() => 0);
  for (let state = 1; state < states; state++) {
    advance(placed, classes);
    for (const [index, pattern] of patterns.entries()) {
      const before = stateBefore(state, placed, pattern.contents, strides);
      if (before === state) continue;
      const through = certain(cost[before]) + pattern.price;
      const cheaper = through < certain(cost[state]) - equalPrice;
      const fewer =
        through <= certain(cost[state]) + equalPrice &&
        certain(nodeCount[before]) + 1 < certain(nodeCount[state]);
      if (cheaper || fewer) {
        cost[state] = through;
        nodeCount[state] = certain(nodeCount[before]) + 1;
        choice[state] = index;
      }
    }
  }
  return chosenNodes(states - 1, choice, patterns, classes, strides);
}

/** Counts `placed` one up, the first class fastest, as the states are numbered. */
function advance(placed: number[], classes: readonly ReplicaClass[]): void {
  for (let index = 0; index < placed.length; index++) {
    if (certain(placed[index]) < certain(classes[index]).replicas) {
      placed[index] = certain(placed[index]) + 1;
      return;
    }
    placed[index] = 0;
  }
}

function stateBefore(
  state: number,
  placed: readonly number[],
  contents: readonly number[],
  strides: readonly number[],
): number {
  let before = state;
  for (let index = 0; index < contents.length; index++) {
    before -= Math.min(certain(placed[index]), certain(contents[index])) * certain(strides[index]);
  }
  return before;
}

function chosenNodes(
  last: number,
  choice: Int32Array,
  patterns: readonly { readonly node: NodeType; readonly contents: readonly number[] }[],
  classes: readonly ReplicaClass[],
  strides: readonly number[],
): readonly NodePattern[] | undefined {
  const nodes: NodePattern[] = [];
  const placed = classes.map(({ replicas }) => replicas);
  let state = last;
  while (state > 0) {
    const pattern = patterns[certain(choice[state])];
    if (!pattern) return undefined;
    const held = pattern.contents.map((count, index) => Math.min(count, certain(placed[index])));
    for (const [index, count] of held.entries()) {
      placed[index] = certain(placed[index]) - count;
      state -= count * certain(strides[index]);
    }
    nodes.push({ node: pattern.node, contents: held, nodeCount: 1 });
  }
  return nodes;
}

/** Node types that no other one matches in all it may hold, at no higher price or count; of equal ones the first. */
function withoutDominated(
  nodeTypes: readonly NodeType[],
  classes: readonly ReplicaClass[],
  limits: readonly NodeLimit[],
  price: NodePrice,
): readonly NodeType[] {
  const covers = (a: NodeType, b: NodeType) =>
    price(a) <= price(b) &&
    classes.every((one) => mayHold(a, one) || !mayHold(b, one)) &&
    limits.every(({ countOf }) => countOf(a) <= countOf(b)) &&
    a.allocatable.gpuCount >= b.allocatable.gpuCount &&
    a.allocatable.cpuMillis >= b.allocatable.cpuMillis &&
    a.allocatable.memoryMiB >= b.allocatable.memoryMiB &&
    a.allocatable.podCount >= b.allocatable.podCount;
  return nodeTypes.filter(
    (node, index) =>
      !nodeTypes.some(
        (other, at) => at !== index && covers(other, node) && (at < index || !covers(node, other)),
      ),
  );
}

/** Contents of one node to which no further replica can be added. */
function fullestContents(node: NodeType, classes: readonly ReplicaClass[]): readonly (readonly number[])[] {
  const found: (readonly number[])[] = [];
  const contents = classes.map(() => 0);
  const visit = (index: number) => {
    const room = roomLeft(node.allocatable, classes, contents);
    if (index === classes.length) {
      const addable = classes.some(
        (one, at) =>
          certain(contents[at]) < one.replicas &&
          mayHold(node, one) &&
          replicasPerNode(room, one.gpusPerReplica, one) > 0,
      );
      if (!addable && contents.some((count) => count > 0)) found.push([...contents]);
      return;
    }
    const one = certain(classes[index]);
    const fitting = mayHold(node, one) ? replicasPerNode(room, one.gpusPerReplica, one) : 0;
    const most = Math.min(one.replicas, fitting);
    // The last class is simply filled up: fewer of it would leave room for more.
    const least = index === classes.length - 1 ? most : 0;
    for (let count = most; count >= least; count--) {
      contents[index] = count;
      visit(index + 1);
    }
    contents[index] = 0;
  };
  visit(0);
  return found;
}
