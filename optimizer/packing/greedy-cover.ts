import { certain } from "../certain.ts";
import { equalUsdPerHour } from "./cover-problem.ts";
import type { CoverProblem } from "./cover-problem.ts";
import type { NodePrice } from "./exact-cover.ts";
import type { NodeType } from "./node-fit.ts";
import { replicasOn, resourceCount, resourcesIn, resourcesOf } from "./replica-class.ts";
import type { NodePattern, ReplicaClass } from "./replica-class.ts";

/**
 * Nodes that hold all replicas, cheap but not proven cheapest. For every pair of node types, and each alone, nodes
 * are filled one after the other with whatever gives most for their price, until nothing remains; then every node is
 * exchanged for the cheapest type that holds its content. The cheapest outcome wins. Working by pairs keeps a promise
 * that filling from all types at once would break: one more type to choose from does not cost more.
 */
export function greedyCover(problem: CoverProblem, price: NodePrice): readonly NodePattern[] | undefined {
  const { nodeTypes, limits } = problem;
  const filling = new GreedyFilling(problem, price);
  let best: readonly NodePattern[] | undefined;
  let bestPrice = Number.POSITIVE_INFINITY;
  const keepCheapest = (offered: readonly number[]) => {
    const filled = filling.fillFrom(offered, bestPrice);
    if (!filled) return;
    best = filled;
    bestPrice = filled.reduce((sum, { node, nodeCount }) => sum + nodeCount * price(node), 0);
  };
  for (const first of nodeTypes.keys()) {
    for (let second = first; second < nodeTypes.length; second++) keepCheapest([first, second]);
  }
  // Replicas so different, or limits so narrow, that no two types hold them all.
  if (!best || limits.length > 0) keepCheapest([...nodeTypes.keys()]);
  return best;
}

/** Fills nodes from offered types; the arrays are made once for all offers, since searches do this thousands of times. */
class GreedyFilling {
  readonly #problem: CoverProblem;
  readonly #prices: Float64Array;
  /** Orders in which classes are put onto a node. */
  readonly #orders: readonly Int32Array[];
  /** What one replica of each class takes, resource by resource. */
  readonly #needs: Float64Array;
  /** By node type and class: replicas on an empty node. */
  readonly #fitting: Int32Array;
  readonly #rooms: readonly Float64Array[];
  readonly #worths: Float64Array;
  readonly #remaining: Float64Array;
  readonly #contents: Float64Array;
  readonly #chosen: Float64Array;
  readonly #used: Float64Array = new Float64Array(resourceCount);

  constructor(problem: CoverProblem, price: NodePrice) {
    const { classes, nodeTypes } = problem;
    this.#problem = problem;
    this.#prices = Float64Array.from(nodeTypes, price);
    this.#orders = fillOrders(classes);
    this.#needs = Float64Array.from(classes.flatMap(resourcesOf));
    this.#fitting = Int32Array.from(nodeTypes.flatMap((node) => classes.map((one) => replicasOn(node, one))));
    this.#rooms = nodeTypes.map((node) => Float64Array.from(resourcesIn(node)));
    this.#worths = new Float64Array(classes.length);
    this.#remaining = new Float64Array(classes.length);
    this.#contents = new Float64Array(classes.length);
    this.#chosen = new Float64Array(classes.length);
  }

  /**
   * What a node's content is worth: each replica counts what it costs on the node type that suits its class best. So
   * the scarce resource decides, whether that is cards, memory or CPU. Where a class wants most of one resource, the
   * node is filled starting from that class. Undefined where the nodes cost the ceiling or more.
   */
  fillFrom(offered: readonly number[], ceiling: number): readonly NodePattern[] | undefined {
    const { classes, nodeTypes, limits } = this.#problem;
    let left = 0;
    for (const [index, { replicas }] of classes.entries()) {
      let worth = Number.POSITIVE_INFINITY;
      for (const type of offered) {
        const fitting = certain(this.#fitting[type * classes.length + index]);
        worth = Math.min(worth, certain(this.#prices[type]) / fitting);
      }
      if (worth === Number.POSITIVE_INFINITY) return undefined;
      this.#worths[index] = worth;
      this.#remaining[index] = replicas;
      left += replicas;
    }
    const allowed = limits.map(({ most }) => most);
    const nodesAllowed = (node: NodeType) => {
      let least = Number.POSITIVE_INFINITY;
      for (const [at, { countOf }] of limits.entries()) {
        const count = countOf(node);
        if (count > 0) least = Math.min(least, Math.floor(certain(allowed[at]) / count));
      }
      return least;
    };
    const nodes: NodePattern[] = [];
    let total = 0;
    while (left > 0) {
      let chosenType = -1;
      let leastPerWorth = Number.POSITIVE_INFINITY;
      for (const type of offered) {
        if (limits.length > 0 && nodesAllowed(certain(nodeTypes[type])) < 1) continue;
        for (const order of this.#orders) {
          const worth = this.#fill(type, order);
          if (worth <= 0 || certain(this.#prices[type]) / worth >= leastPerWorth - 1e-12) continue;
          leastPerWorth = certain(this.#prices[type]) / worth;
          chosenType = type;
          this.#chosen.set(this.#contents);
        }
      }
      if (chosenType < 0) return undefined;
      const node = certain(nodeTypes[chosenType]);
      // The same filling again and again, while as much remains: many replicas cost no more steps than few.
      let nodeCount = nodesAllowed(node);
      for (let index = 0; index < classes.length; index++) {
        const held = certain(this.#chosen[index]);
        if (held > 0) nodeCount = Math.min(nodeCount, Math.floor(certain(this.#remaining[index]) / held));
      }
      for (let index = 0; index < classes.length; index++) {
        const taken = certain(this.#chosen[index]) * nodeCount;
        this.#remaining[index] = certain(this.#remaining[index]) - taken;
        left -= taken;
      }
      for (const [at, { countOf }] of limits.entries()) {
        allowed[at] = certain(allowed[at]) - nodeCount * countOf(node);
      }
      const cheapest = this.#cheapestFor(chosenType);
      total += nodeCount * certain(this.#prices[cheapest]);
      if (total >= ceiling - equalUsdPerHour) return undefined;
      nodes.push({ node: certain(nodeTypes[cheapest]), contents: [...this.#chosen], nodeCount });
    }
    return nodes;
  }

  /** The type of the least price, at no higher count for any limit, that holds what was chosen for a type. */
  #cheapestFor(chosenType: number): number {
    const { nodeTypes, limits } = this.#problem;
    const classCount = this.#chosen.length;
    this.#used.fill(0);
    for (let index = 0; index < classCount; index++) {
      const held = certain(this.#chosen[index]);
      if (held === 0) continue;
      for (let resource = 0; resource < resourceCount; resource++) {
        const need = certain(this.#needs[index * resourceCount + resource]);
        this.#used[resource] = certain(this.#used[resource]) + held * need;
      }
    }
    let cheapest = chosenType;
    for (let type = 0; type < nodeTypes.length; type++) {
      if (certain(this.#prices[type]) >= certain(this.#prices[cheapest])) continue;
      const room = certain(this.#rooms[type]);
      let fits = true;
      for (let resource = 0; resource < resourceCount; resource++) {
        fits &&= certain(this.#used[resource]) <= certain(room[resource]);
      }
      for (let index = 0; fits && index < classCount; index++) {
        fits = certain(this.#chosen[index]) === 0 || certain(this.#fitting[type * classCount + index]) > 0;
      }
      const node = certain(nodeTypes[type]);
      const counted = certain(nodeTypes[chosenType]);
      if (fits && limits.every(({ countOf }) => countOf(node) <= countOf(counted))) cheapest = type;
    }
    return cheapest;
  }

  /** Puts as much as fits of what remains into `#contents`; gives its worth. */
  #fill(type: number, order: Int32Array): number {
    const room = certain(this.#rooms[type]);
    let cards = certain(room[0]);
    let cpuMillis = certain(room[1]);
    let memoryMiB = certain(room[2]);
    let pods = certain(room[3]);
    let worth = 0;
    const contents = this.#contents;
    contents.fill(0);
    const fittingFrom = type * order.length;
    for (let next = 0; next < order.length; next++) {
      const index = certain(order[next]);
      const remaining = certain(this.#remaining[index]);
      if (remaining === 0) continue;
      const need = index * resourceCount;
      const needsCards = certain(this.#needs[need]);
      const needsCpu = certain(this.#needs[need + 1]);
      const needsMemory = certain(this.#needs[need + 2]);
      if (needsCards > cards || needsCpu > cpuMillis || needsMemory > memoryMiB || pods < 1) continue;
      let held = Math.min(remaining, certain(this.#fitting[fittingFrom + index]), pods);
      if (held * needsCards > cards) held = Math.floor(cards / needsCards);
      if (held * needsCpu > cpuMillis) held = Math.floor(cpuMillis / needsCpu);
      if (held * needsMemory > memoryMiB) held = Math.floor(memoryMiB / needsMemory);
      if (held <= 0) continue;
      contents[index] = held;
      worth += held * certain(this.#worths[index]);
      cards -= held * needsCards;
      cpuMillis -= held * needsCpu;
      memoryMiB -= held * needsMemory;
      pods -= held;
    }
    return worth;
  }
}

function fillOrders(classes: readonly ReplicaClass[]): readonly Int32Array[] {
  const indices = [...classes.keys()];
  // The classes come with the most cards first.
  const byMemory = indices.toSorted(
    (a, b) => certain(classes[b]).memoryMiB - certain(classes[a]).memoryMiB || a - b,
  );
  const byCpu = indices.toSorted(
    (a, b) => certain(classes[b]).cpuMillis - certain(classes[a]).cpuMillis || a - b,
  );
  const distinct = new Map([indices, byMemory, byCpu].map((order) => [order.join(" "), order]));
  return [...distinct.values()].map((order) => Int32Array.from(order));
}
