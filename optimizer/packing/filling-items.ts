import { certain } from "../certain.ts";
import type { NodeType } from "./node-fit.ts";
import { replicasOn, resourceCount, resourcesIn, resourcesOf } from "./replica-class.ts";
import type { ReplicaClass } from "./replica-class.ts";

/**
 * What may be put onto one node: the classes of which a replica fits, numbered anew. The worths change from one
 * filling to the next, all else stays, so the arrays are made once.
 */
export class FillingItems {
  /** Class of each item. */
  readonly classes: Int32Array;
  /** What the node has of each resource. */
  readonly room: Float64Array;
  /** What one replica of each takes, resource by resource. */
  readonly needs: Float64Array;
  /** Worth of one replica. */
  readonly worths: Float64Array;
  /** Replicas that there are, but no more than fit on the empty node. */
  readonly most: Float64Array;
  /** The items that are worth something. */
  readonly order: number[] = [];
  readonly #fitting: Int32Array;

  constructor(node: NodeType, classes: readonly ReplicaClass[]) {
    const fitting = [...classes.keys()].filter((index) => replicasOn(node, certain(classes[index])) > 0);
    this.classes = Int32Array.from(fitting);
    this.room = Float64Array.from(resourcesIn(node));
    this.needs = Float64Array.from(fitting.flatMap((index) => resourcesOf(certain(classes[index]))));
    this.worths = new Float64Array(fitting.length);
    this.most = new Float64Array(fitting.length);
    this.#fitting = Int32Array.from(fitting, (index) => replicasOn(node, certain(classes[index])));
  }

  get count(): number {
    return this.classes.length;
  }

  /** Takes what one replica of each class is worth and how many there are of each. */
  load(worthOf: Float64Array, mostOf: Float64Array): void {
    this.order.length = 0;
    for (let item = 0; item < this.count; item++) {
      const index = certain(this.classes[item]);
      const worth = certain(worthOf[index]);
      const most = Math.min(certain(mostOf[index]), certain(this.#fitting[item]));
      this.worths[item] = worth;
      this.most[item] = most;
      if (worth > 1e-12 && most >= 1) this.order.push(item);
    }
  }

  /** Replicas of a class that fit on the empty node. */
  fittingAlone(index: number): number {
    const item = this.classes.indexOf(index);
    return item < 0 ? 0 : certain(this.#fitting[item]);
  }

  /** Share of the node that a replica takes, the resources from `first` on weighed. */
  share(item: number, weights: Float64Array, first: number): number {
    let share = 0;
    for (let resource = first; resource < resourceCount; resource++) {
      const need = certain(this.needs[item * resourceCount + resource]);
      if (need > 0) share += (certain(weights[resource]) * need) / certain(this.room[resource]);
    }
    return share;
  }
}
