import { certain } from "../certain.ts";
import type { FillingItems } from "./filling-items.ts";
import { resourceCount } from "./replica-class.ts";

/** Rounds of weighing the resources against each other. */
const rounds = 12;

/**
 * The resources of a node weighed against each other, as scarce as the items make them, so that one knapsack stands
 * for all: items that fit together have weighed shares of at most 1 together.
 */
export class ResourceWeights {
  /** Of the resources; together 1. The last ones are a good start for the next worths. */
  readonly weights: Float64Array = new Float64Array(resourceCount).fill(1 / resourceCount);
  /** Weighed share of the node that one replica of each item takes. */
  readonly shares: Float64Array;
  /** Worth of each item for its share. */
  readonly rates: Float64Array;
  readonly #items: FillingItems;

  constructor(items: FillingItems) {
    this.#items = items;
    this.shares = new Float64Array(items.count);
    this.rates = new Float64Array(items.count);
  }

  /**
   * Orders the items by worth for their share; gives the bound that the weights prove. Where the best filling with
   * parts of replicas takes more of a resource than there is, the resource's weight grows.
   */
  weigh(): number {
    let least = Number.POSITIVE_INFINITY;
    const weights = Float64Array.from(this.weights);
    const usage = new Float64Array(resourceCount);
    for (let round = 0; round < rounds; round++) {
      this.#sortBy(weights);
      const bound = this.#bestWithParts(usage);
      if (bound < least) {
        least = bound;
        this.weights.set(weights);
      }
      let sum = 0;
      for (let resource = 0; resource < resourceCount; resource++) {
        const step = 2 / (round + 1);
        const weight = certain(weights[resource]) * Math.exp(step * (certain(usage[resource]) - 1));
        weights[resource] = weight;
        sum += weight;
      }
      for (let resource = 0; resource < resourceCount; resource++) {
        weights[resource] = certain(weights[resource]) / sum;
      }
    }
    this.#sortBy(this.weights);
    return least;
  }

  #sortBy(weights: Float64Array): void {
    for (const item of this.#items.order) {
      const share = this.#items.share(item, weights, 0);
      this.shares[item] = share;
      this.rates[item] = certain(this.#items.worths[item]) / share;
    }
    this.#items.order.sort((a, b) => certain(this.rates[b]) - certain(this.rates[a]) || a - b);
  }

  /** Worth of the best filling of the node if replicas could be cut; `usage` takes its share of each resource. */
  #bestWithParts(usage: Float64Array): number {
    const { order, worths, most, needs, room } = this.#items;
    usage.fill(0);
    let worth = 0;
    let left = 1;
    for (let next = 0; next < order.length && left > 0; next++) {
      const item = certain(order[next]);
      const share = certain(this.shares[item]);
      const count = Math.min(certain(most[item]), left / share);
      worth += count * certain(worths[item]);
      left -= count * share;
      for (let resource = 0; resource < resourceCount; resource++) {
        const need = certain(needs[item * resourceCount + resource]);
        if (need > 0) {
          usage[resource] = certain(usage[resource]) + (count * need) / certain(room[resource]);
        }
      }
    }
    return worth;
  }
}
