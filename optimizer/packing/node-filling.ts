import { certain } from "../certain.ts";
import type { NodeType } from "./node-fit.ts";
import { replicasOn, resourceCount, resourcesIn, resourcesOf } from "./replica-class.ts";
import type { ReplicaClass } from "./replica-class.ts";

/** Classes above which contents within a thousandth of the best, and bounds as far above it, are good enough. */
export const manyClasses = 60;
const slackForMany = 1e-3;

/** Tries after which the search for the best contents stops: the bound stays true, the contents may not be best. */
const mostTries = 20_000;

/** The same for further contents, which need not be the best. */
const mostTriesAfterwards = 200;

/** Cards up to which a node's cards are told apart: whole GPU nodes have 8, slices of shared ones may be many more. */
const mostTabulatedCards = 16;

/**
 * Slots of a node for the table, of which a replica takes ceil((slots + 1) · share) - 1, whatever the other resources,
 * weighed together, make its share: replicas that fit together never take more. One slot more divides by 2, 3, 4, 5, 6
 * and 8, so that two replicas of a little more than half a node, or three of a little more than a third, do.
 */
const slotCount = 119;

/** Rounds of weighing the resources against each other. */
const weighings = 12;

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
  /** Cards told apart in the table, none included; 1 where they are weighed together with the other resources. */
  readonly #cardWidth: number;

  // The classes that are worth something, by position in `#classes`, the best for what they take first.
  readonly #order: number[] = [];
  readonly #worths: Float64Array;
  readonly #most: Float64Array;
  readonly #weighed: Float64Array;
  /** Worth for what is taken, all resources weighed together. */
  readonly #rates: Float64Array;
  readonly #held: Int32Array;
  readonly #best: Int32Array;
  /** What the table counts of the resources besides cards that are told apart. */
  readonly #slots: Int32Array;
  /** By position, cards left and slots left: see {@link NodeFilling.#tabulate}. */
  readonly #table: Float64Array;
  readonly #slack: number;
  #triesLeft = 0;
  #bestWorth = 0;
  #isBetter = false;

  constructor(node: NodeType, classes: readonly ReplicaClass[]) {
    this.#slack = classes.length > manyClasses ? slackForMany : 0;
    const fitting = [...classes.keys()].filter((index) => replicasOn(node, certain(classes[index])) > 0);
    const { gpuCount } = node.allocatable;
    this.#classes = Int32Array.from(fitting);
    this.#room = Float64Array.from(resourcesIn(node));
    this.#needs = new Float64Array(fitting.length * resourceCount);
    for (const [at, index] of fitting.entries()) {
      this.#needs.set(resourcesOf(certain(classes[index])), at * resourceCount);
    }
    this.#worths = new Float64Array(fitting.length);
    this.#most = new Float64Array(fitting.length);
    this.#weighed = new Float64Array(fitting.length);
    this.#rates = new Float64Array(fitting.length);
    this.#held = new Int32Array(fitting.length);
    this.#best = new Int32Array(fitting.length);
    this.#slots = new Int32Array(fitting.length);
    this.#cardWidth = Number.isInteger(gpuCount) && gpuCount <= mostTabulatedCards ? gpuCount + 1 : 1;
    this.#table = new Float64Array((fitting.length + 1) * this.#cardWidth * (slotCount + 1));
  }

  /**
   * @param worthOf worth of one replica of each class.
   * @param mostOf replicas of each class that there are.
   * @param leastWorth only contents worth more than this are looked for.
   * @param wanted contents at most; those after the best leave its replicas alone, and each other's.
   */
  fill(worthOf: Float64Array, mostOf: Float64Array, leastWorth: number, wanted: number): Filling {
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
    if (bound <= leastWorth) return { bound, found: [] };
    this.#countSlots();
    bound = Math.min(bound, this.#tabulate());
    if (bound <= leastWorth) return { bound, found: [] };

    if (this.#searchAll(leastWorth, mostTries)) bound = this.#bestWorth * (1 + this.#slack) + 1e-12;
    if (process.env["DBG"])
      console.log(
        "tries",
        mostTries - this.#triesLeft,
        this.#order.length,
        bound,
        this.#bestWorth,
        leastWorth,
        Array.from(this.#weights)
          .map((w) => w.toFixed(2))
          .join(),
        Array.from(this.#room).join(),
      );
    const found: Contents[] = [];
    while (this.#isBetter) {
      found.push(this.#bestContents());
      if (found.length === wanted) break;
      this.#setBestAside();
      this.#searchAll(leastWorth, mostTriesAfterwards);
    }
    return { bound, found };
  }

  /** False where it stopped before it had seen everything. */
  #searchAll(leastWorth: number, tries: number): boolean {
    this.#bestWorth = leastWorth;
    this.#isBetter = false;
    this.#triesLeft = tries;
    this.#held.fill(0);
    const [cards, cpuMillis, memoryMiB, pods] = this.#room;
    this.#search(0, 0, certain(cards), certain(cpuMillis), certain(memoryMiB), certain(pods), 1, slotCount);
    this.work += 20 * (tries - this.#triesLeft);
    return this.#triesLeft >= 0;
  }

  #bestContents(): Contents {
    const held = [...this.#classes.keys()].filter((at) => certain(this.#best[at]) > 0);
    return {
      classes: held.map((at) => certain(this.#classes[at])),
      counts: held.map((at) => certain(this.#best[at])),
    };
  }

  #setBestAside(): void {
    for (let at = 0; at < this.#most.length; at++) {
      this.#most[at] = certain(this.#most[at]) - certain(this.#best[at]);
    }
  }

  /** Replicas of the class that fit on one empty node. */
  fittingAlone(index: number): number {
    const at = this.#classes.indexOf(index);
    return at < 0 ? 0 : this.#fitting(at);
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

  /** Slots of the classes: all resources that the table does not tell apart, weighed together. */
  #countSlots(): void {
    const first = this.#cardWidth > 1 ? 1 : 0;
    let sum = 0;
    for (let resource = first; resource < resourceCount; resource++) sum += certain(this.#weights[resource]);
    for (const at of this.#order) {
      let share = 0;
      for (let resource = first; resource < resourceCount; resource++) {
        const need = certain(this.#needs[at * resourceCount + resource]);
        if (need > 0) share += (certain(this.#weights[resource]) * need) / certain(this.#room[resource]);
      }
      this.#slots[at] = Math.max(0, Math.ceil(((slotCount + 1) * share) / sum - 1e-9) - 1);
    }
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

  /**
   * Tabulates, from each position on, the best filling of so many cards and so many slots of the other resources,
   * weighed together; gives that of the whole node.
   */
  #tabulate(): number {
    const cardWidth = this.#cardWidth;
    const rowLength = cardWidth * (slotCount + 1);
    const table = this.#table;
    table.fill(0, this.#order.length * rowLength, (this.#order.length + 1) * rowLength);
    let cells = 0;
    for (let position = this.#order.length - 1; position >= 0; position--) {
      const at = certain(this.#order[position]);
      const cards = cardWidth > 1 ? Math.floor(certain(this.#needs[at * resourceCount])) : 0;
      const slots = certain(this.#slots[at]);
      const worth = certain(this.#worths[at]);
      const most = certain(this.#most[at]);
      const behind = (position + 1) * rowLength;
      let cell = position * rowLength;
      for (let cardsLeft = 0; cardsLeft < cardWidth; cardsLeft++) {
        for (let slotsLeft = 0; slotsLeft <= slotCount; slotsLeft++, cell++) {
          let from = behind + cardsLeft * (slotCount + 1) + slotsLeft;
          let best = certain(table[from]);
          for (let count = 1; count <= most; count++) {
            if (count * cards > cardsLeft || count * slots > slotsLeft) break;
            from -= cards * (slotCount + 1) + slots;
            best = Math.max(best, certain(table[from]) + count * worth);
            cells++;
          }
          table[cell] = best;
        }
      }
    }
    this.work += cells + rowLength * this.#order.length;
    return certain(table[rowLength - 1]);
  }

  /**
   * Goes on from a position with what is left of the node: first the way that the table promises most for, taking so
   * many of the class or none.
   */
  #search(
    position: number,
    worth: number,
    cards: number,
    cpuMillis: number,
    memoryMiB: number,
    pods: number,
    weightLeft: number,
    slotsLeft: number,
  ): void {
    if (worth > this.#bestWorth) {
      this.#bestWorth = worth;
      this.#isBetter = true;
      this.#best.set(this.#held);
    }
    let most = 0;
    for (; position < this.#order.length; position++) {
      if (worth + this.#promised(position, cards, slotsLeft) <= this.#needed()) return;
      most = this.#fittingInto(position, cards, cpuMillis, memoryMiB, pods);
      if (most > 0) break;
    }
    if (position === this.#order.length || --this.#triesLeft < 0) return;
    const needed = this.#needed() - worth;
    if (!this.#mayExceed(needed, position, cards, cpuMillis, memoryMiB, pods, weightLeft)) return;

    const at = certain(this.#order[position]);
    const need = at * resourceCount;
    const slots = certain(this.#slots[at]);
    const needsCards = certain(this.#needs[need]);
    let promisedWith = 0;
    for (let count = 1; count <= most; count++) {
      if (slotsLeft < count * slots) break;
      const behind = this.#promised(position + 1, cards - count * needsCards, slotsLeft - count * slots);
      promisedWith = Math.max(promisedWith, count * certain(this.#worths[at]) + behind);
    }
    const isBetterWithout = this.#promised(position + 1, cards, slotsLeft) > promisedWith;
    if (isBetterWithout) {
      this.#search(position + 1, worth, cards, cpuMillis, memoryMiB, pods, weightLeft, slotsLeft);
    }
    for (let count = most; count >= 1; count--) {
      this.#held[at] = count;
      this.#search(
        position + 1,
        worth + count * certain(this.#worths[at]),
        cards - count * needsCards,
        cpuMillis - count * certain(this.#needs[need + 1]),
        memoryMiB - count * certain(this.#needs[need + 2]),
        pods - count,
        weightLeft - count * certain(this.#weighed[at]),
        slotsLeft - count * slots,
      );
    }
    this.#held[at] = 0;
    if (!isBetterWithout) {
      this.#search(position + 1, worth, cards, cpuMillis, memoryMiB, pods, weightLeft, slotsLeft);
    }
  }

  /** Worth that a branch must promise more than. */
  #needed(): number {
    return this.#bestWorth * (1 + this.#slack) + 1e-12;
  }

  #promised(position: number, cards: number, slots: number): number {
    const cardsLeft = this.#cardWidth > 1 ? Math.ceil(cards) : 0;
    return certain(this.#table[(position * this.#cardWidth + cardsLeft) * (slotCount + 1) + slots]);
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
