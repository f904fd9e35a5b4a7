import { certain } from "../certain.ts";
import { FillingItems } from "./filling-items.ts";
import { FillingTable } from "./filling-table.ts";
import type { NodeType } from "./node-fit.ts";
import { resourceCount } from "./replica-class.ts";
import type { ReplicaClass } from "./replica-class.ts";
import { ResourceWeights } from "./resource-weights.ts";

/** Classes above which contents within a thousandth of the best, and bounds as far above it, are good enough. */
export const manyClasses = 60;
const slackForMany = 1e-3;

/** Tries after which the search for the best contents stops: the bound stays true, the contents may not be best. */
const mostTries = 20_000;

/** The same for further contents, which need not be the best. */
const mostTriesAfterwards = 200;

/** What a try takes, in steps of a table. */
const workForTry = 20;

/** Contents found for one node, and the worth that no contents exceed. */
export interface Filling {
  readonly bound: number;
  /** The best first; none where nothing is worth more than was asked. */
  readonly found: readonly Contents[];
}

/** Replicas on one node: how many of which classes. */
export interface Contents {
  readonly classes: readonly number[];
  readonly counts: readonly number[];
}

/**
 * Fills one node with the replicas that are worth most together: a bounded knapsack with cards, CPU, memory and pods.
 * Depth first over the classes, most worth for what they take first. A branch ends where its bound does: the lesser
 * of what the table promises and of the best filling with parts of replicas.
 */
export class NodeFilling {
  /** Steps of arithmetic so far, about. */
  work = 0;
  readonly #items: FillingItems;
  readonly #weights: ResourceWeights;
  readonly #table: FillingTable;
  /** Share of the best worth that a branch must promise on top of it. */
  readonly #slack: number;
  readonly #held: Int32Array;
  readonly #best: Int32Array;
  #bestWorth = 0;
  #isBetter = false;
  #triesLeft = 0;

  constructor(node: NodeType, classes: readonly ReplicaClass[]) {
    this.#items = new FillingItems(node, classes);
    this.#weights = new ResourceWeights(this.#items);
    this.#table = new FillingTable(this.#items);
    this.#slack = classes.length > manyClasses ? slackForMany : 0;
    this.#held = new Int32Array(this.#items.count);
    this.#best = new Int32Array(this.#items.count);
  }

  /**
   * @param worthOf worth of one replica of each class.
   * @param mostOf replicas of each class that there are.
   * @param leastWorth only contents worth more than this are looked for.
   * @param wanted contents at most; those after the best leave its replicas alone, and each other's.
   */
  fill(worthOf: Float64Array, mostOf: Float64Array, leastWorth: number, wanted: number): Filling {
    this.#items.load(worthOf, mostOf);
    this.work += 180 * this.#items.order.length;
    let bound = this.#weights.weigh();
    if (bound <= leastWorth) return { bound, found: [] };
    this.work += this.#table.build(this.#weights.weights);
    bound = Math.min(bound, this.#table.promised(0, certain(this.#items.room[0]), this.#table.wholeSlots));
    if (bound <= leastWorth) return { bound, found: [] };

    if (this.#searchAll(leastWorth, mostTries)) bound = this.#needed();
    const found: Contents[] = [];
    while (this.#isBetter) {
      found.push(this.#bestContents());
      if (found.length === wanted) break;
      this.#setBestAside();
      this.#searchAll(leastWorth, mostTriesAfterwards);
    }
    return { bound, found };
  }

  /** Replicas of a class that fit on the empty node. */
  fittingAlone(index: number): number {
    return this.#items.fittingAlone(index);
  }

  /** False where it stopped before it had seen everything. */
  #searchAll(leastWorth: number, tries: number): boolean {
    this.#bestWorth = leastWorth;
    this.#isBetter = false;
    this.#triesLeft = tries;
    this.#held.fill(0);
    const [cards, cpuMillis, memoryMiB, pods] = this.#items.room;
    this.#search(
      0,
      0,
      certain(cards),
      certain(cpuMillis),
      certain(memoryMiB),
      certain(pods),
      1,
      this.#table.wholeSlots,
    );
    this.work += workForTry * (tries - this.#triesLeft);
    return this.#triesLeft >= 0;
  }

  #bestContents(): Contents {
    const held = [...this.#best.keys()].filter((item) => certain(this.#best[item]) > 0);
    return {
      classes: held.map((item) => certain(this.#items.classes[item])),
      counts: held.map((item) => certain(this.#best[item])),
    };
  }

  #setBestAside(): void {
    const { most } = this.#items;
    for (let item = 0; item < most.length; item++) {
      most[item] = certain(most[item]) - certain(this.#best[item]);
    }
  }

  /**
   * Goes on from a position with what is left of the node: first the way that the table promises most for, taking
   * some of the item or none.
   */
  #search(
    position: number,
    worth: number,
    cards: number,
    cpuMillis: number,
    memoryMiB: number,
    pods: number,
    shareLeft: number,
    slotsLeft: number,
  ): void {
    if (worth > this.#bestWorth) {
      this.#bestWorth = worth;
      this.#isBetter = true;
      this.#best.set(this.#held);
    }
    const { order, needs, worths } = this.#items;
    const table = this.#table;
    let most = 0;
    for (; position < order.length; position++) {
      if (worth + table.promised(position, cards, slotsLeft) <= this.#needed()) return;
      most = this.#fitting(position, cards, cpuMillis, memoryMiB, pods);
      if (most > 0) break;
    }
    if (position === order.length || --this.#triesLeft < 0) return;
    const needed = this.#needed() - worth;
    if (!this.#mayExceed(needed, position, cards, cpuMillis, memoryMiB, pods, shareLeft)) return;

    const item = certain(order[position]);
    const need = item * resourceCount;
    const slots = certain(table.slots[item]);
    const needsCards = certain(needs[need]);
    let promisedWith = 0;
    for (let count = 1; count <= most && count * slots <= slotsLeft; count++) {
      const behind = table.promised(position + 1, cards - count * needsCards, slotsLeft - count * slots);
      promisedWith = Math.max(promisedWith, count * certain(worths[item]) + behind);
    }
    const isBetterWithout = table.promised(position + 1, cards, slotsLeft) > promisedWith;
    if (isBetterWithout) {
      this.#search(position + 1, worth, cards, cpuMillis, memoryMiB, pods, shareLeft, slotsLeft);
    }
    for (let count = most; count >= 1; count--) {
      this.#held[item] = count;
      this.#search(
        position + 1,
        worth + count * certain(worths[item]),
        cards - count * needsCards,
        cpuMillis - count * certain(needs[need + 1]),
        memoryMiB - count * certain(needs[need + 2]),
        pods - count,
        shareLeft - count * certain(this.#weights.shares[item]),
        slotsLeft - count * slots,
      );
    }
    this.#held[item] = 0;
    if (!isBetterWithout) {
      this.#search(position + 1, worth, cards, cpuMillis, memoryMiB, pods, shareLeft, slotsLeft);
    }
  }

  /** Worth that a branch must promise more than. */
  #needed(): number {
    return this.#bestWorth * (1 + this.#slack) + 1e-12;
  }

  /** Whether parts of the replicas from a position on, of each item only as many as whole ones fit, may be worth more. */
  #mayExceed(
    needed: number,
    start: number,
    cards: number,
    cpuMillis: number,
    memoryMiB: number,
    pods: number,
    shareLeft: number,
  ): boolean {
    const { order, worths } = this.#items;
    let worth = 0;
    let left = shareLeft;
    for (let position = start; position < order.length; position++) {
      const item = certain(order[position]);
      const rate = certain(this.#weights.rates[item]);
      // The best that the rest could be worth: all of it at the rate of this item.
      if (worth + left * rate <= needed) return false;
      const fitting = this.#fitting(position, cards, cpuMillis, memoryMiB, pods);
      if (fitting < 1) continue;
      const share = certain(this.#weights.shares[item]);
      if (fitting * share >= left) return true;
      worth += fitting * certain(worths[item]);
      left -= fitting * share;
      if (worth > needed) return true;
    }
    return worth > needed;
  }

  /** Replicas of the item at a position that fit into what is left. */
  #fitting(position: number, cards: number, cpuMillis: number, memoryMiB: number, pods: number): number {
    const { needs, most: mostOf, order } = this.#items;
    const item = certain(order[position]);
    const need = item * resourceCount;
    const needsCards = certain(needs[need]);
    const needsCpu = certain(needs[need + 1]);
    const needsMemory = certain(needs[need + 2]);
    if (needsCards > cards || needsCpu > cpuMillis || needsMemory > memoryMiB || pods < 1) return 0;
    let most = Math.min(certain(mostOf[item]), pods);
    if (most * needsCards > cards) most = Math.floor(cards / needsCards);
    if (most * needsCpu > cpuMillis) most = Math.floor(cpuMillis / needsCpu);
    if (most * needsMemory > memoryMiB) most = Math.floor(memoryMiB / needsMemory);
    return most;
  }
}
