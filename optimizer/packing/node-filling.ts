import { certain } from "../certain.ts";
import type { NodeType } from "./node-fit.ts";
import { replicasOn } from "./replica-class.ts";
import type { ReplicaClass } from "./replica-class.ts";

/** Tries after which the search for the best contents stops: the bound stays true, the contents may not be best. */
const mostTries = 20_000;

/** Cards up to which worth by cards is tabulated: whole GPU nodes have 8, slices of shared ones may be many more. */
const mostTabulatedCards = 16;

/** Cards, CPU, memory, pods. */
const resourceCount = 4;

/** Rounds of weighing the resources against each other. */
const weighings = 12;

/** The best contents found for one node, and the worth that no contents exceed. */
export interface Filling {
  readonly bound: number;
  /** Absent where nothing is worth more than was asked. */
  readonly best?: {
    readonly worth: number;
    readonly classes: readonly number[];
    readonly counts: readonly number[];
  };
}

/**
 * Fills one node with the replicas that are worth most together: a bounded knapsack with cards, CPU, memory and pods.
 * Depth first over the classes, most worth for what they take first. A branch ends where its bound does: the lesser
 * of the best filling by cards alone and of the best filling with parts of replicas, all resources weighed together.
 */
export class NodeFilling {
  /** Steps of arithmetic so far, about. */
  work = 0;
  /** Classes of which a replica fits. */
  readonly #classes: Int32Array;
  /** What one replica of each takes of the resources. */
  readonly #needs: Float64Array;
  readonly #room: Float64Array;
  readonly #weights: Float64Array = new Float64Array(resourceCount).fill(1 / resourceCount);
  readonly #tableWidth: number;

  // The classes that are worth something, by position in `#classes`, the best for what they take first.
  readonly #order: number[] = [];
  readonly #worths: Float64Array;
  readonly #most: Float64Array;
  readonly #weighed: Float64Array;
  /** Worth for what is taken, all resources weighed together. */
  readonly #rates: Float64Array;
  readonly #held: Int32Array;
  readonly #best: Int32Array;
  /** Best filling by cards alone of the classes from a position on. */
  readonly #byCards: Float64Array;
  #tries = 0;
  #bestWorth = 0;
  #isBetter = false;

  constructor(node: NodeType, classes: readonly ReplicaClass[]) {
    const fitting = [...classes.keys()].filter((index) => replicasOn(node, certain(classes[index])) > 0);
    const { gpuCount, cpuMillis, memoryMiB, podCount } = node.allocatable;
    this.#classes = Int32Array.from(fitting);
    this.#room = Float64Array.of(gpuCount, cpuMillis, memoryMiB, podCount);
    this.#needs = new Float64Array(fitting.length * resourceCount);
    for (const [at, index] of fitting.entries()) {
      const one = certain(classes[index]);
      this.#needs.set([one.gpusPerReplica, one.cpuMillis, one.memoryMiB, 1], at * resourceCount);
    }
    this.#worths = new Float64Array(fitting.length);
    this.#most = new Float64Array(fitting.length);
    this.#weighed = new Float64Array(fitting.length);
    this.#rates = new Float64Array(fitting.length);
    this.#held = new Int32Array(fitting.length);
    this.#best = new Int32Array(fitting.length);
    this.#tableWidth = Number.isInteger(gpuCount) && gpuCount <= mostTabulatedCards ? gpuCount + 1 : 0;
    this.#byCards = new Float64Array((fitting.length + 1) * this.#tableWidth);
  }

  /**
   * @param worthOf worth of one replica of each class.
   * @param mostOf replicas of each class that there are.
   * @param leastWorth only contents worth more than this are looked for.
   */
  fill(worthOf: Float64Array, mostOf: Float64Array, leastWorth: number): Filling {
    this.#order.length = 0;
    for (let at = 0; at < this.#classes.length; at++) {
      const index = certain(this.#classes[at]);
      const worth = certain(worthOf[index]);
      const most = Math.min(certain(mostOf[index]), this.#fitting(at));
      if (worth <= 1e-12 || most < 1) continue;
      this.#worths[at] = worth;
      this.#most[at] = most;
      this.#order.push(at);
    }
    let bound = this.#weigh();
    if (bound <= leastWorth) return { bound };
    if (this.#tableWidth > 0) bound = Math.min(bound, this.#tabulate());
    if (bound <= leastWorth) return { bound };

    this.#bestWorth = leastWorth;
    this.#isBetter = false;
    this.#tries = 0;
    this.#held.fill(0);
    const [cards, cpuMillis, memoryMiB, pods] = this.#room;
    const weightLeft = this.#weights.reduce((sum, weight) => sum + weight, 0);
    this.#search(0, 0, certain(cards), certain(cpuMillis), certain(memoryMiB), certain(pods), weightLeft);
    this.work += 20 * this.#tries;
    if (this.#tries <= mostTries) bound = this.#bestWorth;
    if (!this.#isBetter) return { bound };
    const held = [...this.#classes.keys()].filter((at) => certain(this.#best[at]) > 0);
    return {
      bound,
      best: {
        worth: this.#bestWorth,
        classes: held.map((at) => certain(this.#classes[at])),
        counts: held.map((at) => certain(this.#best[at])),
      },
    };
  }

  #fitting(at: number): number {
    let fitting = Number.POSITIVE_INFINITY;
    for (let resource = 0; resource < resourceCount; resource++) {
      const need = certain(this.#needs[at * resourceCount + resource]);
      if (need > 0) fitting = Math.min(fitting, Math.floor(certain(this.#room[resource]) / need));
    }
    return fitting;
  }

  /**
   * Orders the classes by worth for weighed resources; gives the bound that the weights prove. A resource of which
   * the bounding filling takes too much gets a greater weight. The last weights are a good start for the next worths.
   */
  #weigh(): number {
    let least = Number.POSITIVE_INFINITY;
    const weights = Float64Array.from(this.#weights);
    const usage = new Float64Array(resourceCount);
    for (let round = 0; round < weighings; round++) {
      this.#sortBy(weights);
      const bound = this.#boundFrom(0, 1, usage);
      if (bound < least) {
        least = bound;
        this.#weights.set(weights);
      }
      let sum = 0;
      for (let resource = 0; resource < resourceCount; resource++) {
        const weight =
          certain(weights[resource]) * Math.exp((2 / (round + 1)) * (certain(usage[resource]) - 1));
        weights[resource] = weight;
        sum += weight;
      }
      for (let resource = 0; resource < resourceCount; resource++) {
        weights[resource] = certain(weights[resource]) / sum;
      }
    }
    this.#sortBy(this.#weights);
    this.work += 180 * this.#order.length;
    return least;
  }

  #sortBy(weights: Float64Array): void {
    for (const at of this.#order) {
      let weighed = 0;
      for (let resource = 0; resource < resourceCount; resource++) {
        const need = certain(this.#needs[at * resourceCount + resource]);
        if (need > 0) weighed += (certain(weights[resource]) * need) / certain(this.#room[resource]);
      }
      this.#weighed[at] = weighed;
    }
    for (const at of this.#order) this.#rates[at] = certain(this.#worths[at]) / certain(this.#weighed[at]);
    this.#order.sort((a, b) => certain(this.#rates[b]) - certain(this.#rates[a]) || a - b);
  }

  /** Worth of the best filling of `weightLeft` with parts of replicas, by the classes from a position on. */
  #boundFrom(position: number, weightLeft: number, usage?: Float64Array): number {
    usage?.fill(0);
    let worth = 0;
    for (let next = position; next < this.#order.length && weightLeft > 0; next++) {
      const at = certain(this.#order[next]);
      const weighed = certain(this.#weighed[at]);
      const count = Math.min(certain(this.#most[at]), weightLeft / weighed);
      worth += count * certain(this.#worths[at]);
      weightLeft -= count * weighed;
      if (!usage) continue;
      for (let resource = 0; resource < resourceCount; resource++) {
        const need = certain(this.#needs[at * resourceCount + resource]);
        if (need === 0) continue;
        usage[resource] = certain(usage[resource]) + (count * need) / certain(this.#room[resource]);
      }
    }
    return worth;
  }

  /** Fills `#byCards`; gives the bound for the whole node. */
  #tabulate(): number {
    const width = this.#tableWidth;
    const table = this.#byCards;
    table.fill(0, this.#order.length * width, (this.#order.length + 1) * width);
    for (let position = this.#order.length - 1; position >= 0; position--) {
      const at = certain(this.#order[position]);
      const cards = certain(this.#needs[at * resourceCount]);
      const worth = certain(this.#worths[at]);
      const most = certain(this.#most[at]);
      for (let left = 0; left < width; left++) {
        let best = 0;
        for (let count = 0; count <= most && count * cards <= left; count++) {
          // Cells of the classes behind, with the cards that are left over; a fraction of a card counts as none.
          const behind = certain(table[(position + 1) * width + left - Math.floor(count * cards)]);
          best = Math.max(best, behind + count * worth);
        }
        table[position * width + left] = best;
      }
    }
    this.work += 4 * width * this.#order.length;
    return certain(table[width - 1]);
  }

  #search(
    start: number,
    worth: number,
    cards: number,
    cpuMillis: number,
    memoryMiB: number,
    pods: number,
    weightLeft: number,
  ): void {
    if (worth > this.#bestWorth) {
      this.#bestWorth = worth;
      this.#isBetter = true;
      this.#best.set(this.#held);
    }
    for (let position = start; position < this.#order.length; position++) {
      const most = this.#fittingInto(position, cards, cpuMillis, memoryMiB, pods);
      if (most < 1) continue;
      const needed = this.#bestWorth - worth + 1e-12;
      if (this.#tableWidth > 0) {
        const byCards = certain(this.#byCards[position * this.#tableWidth + Math.ceil(cards)]);
        if (byCards <= needed) return;
      }
      if (++this.#tries > mostTries) return;
      if (!this.#mayExceed(needed, position, cards, cpuMillis, memoryMiB, pods, weightLeft)) return;
      const at = certain(this.#order[position]);
      const need = at * resourceCount;
      for (let count = most; count >= 1; count--) {
        this.#held[at] = count;
        this.#search(
          position + 1,
          worth + count * certain(this.#worths[at]),
          cards - count * certain(this.#needs[need]),
          cpuMillis - count * certain(this.#needs[need + 1]),
          memoryMiB - count * certain(this.#needs[need + 2]),
          pods - count,
          weightLeft - count * certain(this.#weighed[at]),
        );
      }
      this.#held[at] = 0;
    }
  }

  /** Whether parts of the replicas from a position on, each class only as often as whole ones fit, may be worth more. */
  #mayExceed(
    needed: number,
    start: number,
    cards: number,
    cpuMillis: number,
    memoryMiB: number,
    pods: number,
    weightLeft: number,
  ): boolean {
    let worth = 0;
    let left = weightLeft;
    for (let position = start; position < this.#order.length; position++) {
      const at = certain(this.#order[position]);
      // The best that the rest could be worth: all of it at the rate of this class.
      if (worth + left * certain(this.#rates[at]) <= needed) return false;
      const fitting = this.#fittingInto(position, cards, cpuMillis, memoryMiB, pods);
      if (fitting < 1) continue;
      const weighed = certain(this.#weighed[at]);
      if (fitting * weighed >= left) return worth + left * certain(this.#rates[at]) > needed;
      worth += fitting * certain(this.#worths[at]);
      left -= fitting * weighed;
      if (worth > needed) return true;
    }
    return worth > needed;
  }

  #fittingInto(position: number, cards: number, cpuMillis: number, memoryMiB: number, pods: number): number {
    const at = certain(this.#order[position]);
    const need = at * resourceCount;
    const needsCards = certain(this.#needs[need]);
    const needsCpu = certain(this.#needs[need + 1]);
    const needsMemory = certain(this.#needs[need + 2]);
    if (needsCards > cards || needsCpu > cpuMillis || needsMemory > memoryMiB || pods < 1) return 0;
    let most = Math.min(certain(this.#most[at]), pods);
    if (most * needsCards > cards) most = Math.floor(cards / needsCards);
    if (most * needsCpu > cpuMillis) most = Math.floor(cpuMillis / needsCpu);
    if (most * needsMemory > memoryMiB) most = Math.floor(memoryMiB / needsMemory);
    return most;
  }
}
