import { certain } from "../certain.ts";
import { CoveringMaster } from "./covering-master.ts";
import { MasterRows } from "./master-rows.ts";
import { manyClasses, NodeFilling } from "./node-filling.ts";
import type { NodeType } from "./node-fit.ts";
import { resourceCount, resourcesIn, resourcesOf } from "./replica-class.ts";
import type { ReplicaClass } from "./replica-class.ts";

/** A node type and what one node of it holds: a column of the linear programme. */
export interface Pattern {
  /** Position of the node type. */
  readonly type: number;
  readonly classes: readonly number[];
  readonly counts: readonly number[];
}

/**
 * A condition on the nodes: the sum of `weights[type]` over all nodes, or, with `ofClass`, over all replicas of that
 * class on them, is at least `required`. A limit has negative weights.
 */
export interface NodeCondition {
  readonly weights: Float64Array;
  readonly ofClass?: number;
  readonly required: number;
}

/** Least cost if parts of nodes could be bought. */
export interface Relaxation {
  /** No nodes that hold the demand under the conditions and cost less than the ceiling cost less than this. */
  readonly bound: number;
  /** The patterns that reach it, if the bound is below the ceiling and the conditions leave room at all. */
  readonly taken: readonly { readonly pattern: Pattern; readonly nodes: number }[];
  /** What proves the bound. */
  readonly worths: Worths;
}

/** What one replica of each class is worth, and one unit of each condition: the duals of the linear programme. */
export interface Worths {
  readonly ofClasses: Float64Array;
  readonly ofConditions: Float64Array;
}

/** Columns at most, for the memory that they take. */
const mostPatterns = 8_000;

/** The more classes, the more patterns of each type are added at once, because so many more are needed. */
const classesForOnePattern = 8;

/** What a step of a pivot takes of the time of other steps: it goes straight through memory. */
const pivotWork = 0.4;

/** What it takes to write down a pattern for one problem. */
const workForPattern = 50;

/** Share by which a bound may stay below what the known patterns reach, and the same for very many classes. */
const closeEnough = 1e-7;
const closeEnoughForMany = 1e-3;

/** How far the duals at which patterns are priced keep to the best ones so far: fewer steps than from the last ones. */
const smoothing = 0.5;

/** Reduced costs above this share of a node's price, below 0, are rounding. */
const zeroCostFraction = 1e-9;

/**
 * The Gilmore-Gomory relaxation, solved by column generation: of all patterns only those are ever written down that a
 * knapsack finds worth more than their node costs. Patterns found for one problem are kept for the next.
 */
export class PatternRelaxation {
  readonly #classes: readonly ReplicaClass[];
  readonly #nodeTypes: readonly NodeType[];
  readonly #fillings: readonly NodeFilling[];
  readonly #patterns: Pattern[] = [];
  readonly #known = new Set<string>();
  #otherWork = 0;

  constructor(classes: readonly ReplicaClass[], nodeTypes: readonly NodeType[]) {
    this.#classes = classes;
    this.#nodeTypes = nodeTypes;
    this.#fillings = nodeTypes.map((node) => new NodeFilling(node, classes));
  }

  /** Steps of arithmetic so far, about: what a search may spend, since it does not depend on the machine's speed. */
  get work(): number {
    return this.#fillings.reduce((sum, { work }) => sum + work, this.#otherWork);
  }

  /** Counts work of whoever makes its answers whole. */
  countWork(work: number): void {
    this.#otherWork += work;
  }

  addPattern(pattern: Pattern): boolean {
    const key = `${pattern.type} ${pattern.classes.join(" ")} ${pattern.counts.join(" ")}`;
    if (this.#known.has(key)) return false;
    this.#known.add(key);
    this.#patterns.push(pattern);
    return true;
  }

  /**
   * @param demand replicas of each class.
   * @param ceiling cost of an answer at hand: only what is cheaper matters.
   * @param mostWork where {@link work} makes it stop, with the bound so far.
   * @param start worths that prove much, if some are known.
   */
  solve(
    demand: Float64Array,
    conditions: readonly NodeCondition[],
    ceiling: number,
    mostWork: number,
    start: Worths | undefined = undefined,
  ): Relaxation {
    const rows = new MasterRows(demand, conditions);
    const { required } = rows;
    // Dearer than any answer that matters, so that an answer falls short of the demand only where all do.
    const master = new CoveringMaster(required, 4 * ceiling);
    const columns: Pattern[] = [];
    const add = (pattern: Pattern) => {
      const { rows: inRows, entries } = rows.columnOf(pattern);
      if (inRows.length === 0) return;
      columns.push(pattern);
      master.addColumn(certain(this.#nodeTypes[pattern.type]).usdPerHour, inRows, entries);
    };
    for (const pattern of this.#cheapestAlone(demand)) {
      add(pattern);
      master.enterLast();
    }
    this.#patterns.forEach(add);
    this.#otherWork += workForPattern * this.#patterns.length;

    const valueAt = (duals: Float64Array) =>
      duals.reduce((sum, dual, row) => sum + Math.max(0, dual) * certain(required[row]), 0);
    let bound = 0;
    const centre = new Float64Array(required.length);
    const smooth = new Float64Array(required.length);
    const priceAt = (duals: Float64Array) => {
      const { patterns, leastRate } = this.#price(duals, demand, rows);
      // Whoever spends less than the ceiling gains at most the best rate of gain on all of it.
      const proven = valueAt(duals) + ceiling * Math.min(0, leastRate);
      if (proven > bound) {
        bound = proven;
        centre.set(duals);
      }
      return patterns.filter((one) => this.addPattern(one));
    };
    const tolerance = demand.length > manyClasses ? closeEnoughForMany : closeEnough;
    const isDone = () =>
      bound >= Math.min(ceiling, valueAt(master.duals) * (1 - tolerance)) ||
      this.#patterns.length >= mostPatterns ||
      this.work + master.work * pivotWork > mostWork;
    const ofConditions = new Float64Array(conditions.length);
    priceAt(rows.dualsOf(start ?? { ofClasses: this.#worthsBySize(demand), ofConditions })).forEach(add);
    for (;;) {
      master.solve(Math.max(0, mostWork - this.work) / pivotWork);
      // Between the duals and the best ones so far lie better ones than either; only where those bring nothing ...
      for (let row = 0; row < smooth.length; row++) {
        smooth[row] = smoothing * certain(centre[row]) + (1 - smoothing) * certain(master.duals[row]);
      }
      let added = priceAt(smooth);
      // ... the duals themselves decide whether the answer is the best.
      if (added.length === 0 && !isDone()) added = priceAt(master.duals);
      added.forEach(add);
      if (added.length === 0 || isDone()) break;
    }
    this.#otherWork += master.work * pivotWork;
    const worths = rows.worthsOf(centre);
    if (bound >= ceiling || master.isShort()) return { bound, taken: [], worths };
    const taken = master
      .taken()
      .map(({ column, amount }) => ({ pattern: certain(columns[column]), nodes: amount }));
    return { bound, taken, worths };
  }

  /**
   * Worths at which no node holds more than its price: what a class takes of one resource, at the price of that
   * resource on the node type that sells it cheapest. The resource is the one that makes the demand dearest.
   */
  #worthsBySize(demand: Float64Array): Float64Array {
    let dearest = new Float64Array(demand.length);
    let mostWorth = 0;
    for (let resource = 0; resource < resourceCount; resource++) {
      const prices = this.#nodeTypes.map((node) => {
        const room = certain(resourcesIn(node)[resource]);
        return room > 0 ? node.usdPerHour / room : Number.POSITIVE_INFINITY;
      });
      const price = Math.min(...prices);
      if (!Number.isFinite(price)) continue;
      const worths = Float64Array.from(this.#classes, (one) => price * certain(resourcesOf(one)[resource]));
      const worth = worths.reduce((sum, one, index) => sum + one * certain(demand[index]), 0);
      if (worth <= mostWorth) continue;
      dearest = worths;
      mostWorth = worth;
    }
    return dearest;
  }

  /** For each class a node full of it, of the type that is cheapest for that: where the simplex method starts. */
  #cheapestAlone(demand: Float64Array): readonly Pattern[] {
    return [...demand.keys()].flatMap((index) => {
      const replicas = certain(demand[index]);
      let cheapest: Pattern | undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const [type, filling] of this.#fillings.entries()) {
        const count = Math.min(replicas, filling.fittingAlone(index));
        if (count < 1) continue;
        const price = certain(this.#nodeTypes[type]).usdPerHour / count;
        if (price >= least) continue;
        least = price;
        cheapest = { type, classes: [index], counts: [count] };
      }
      return cheapest ? [cheapest] : [];
    });
  }

  /** For each node type the patterns of most gain, and a floor under its reduced costs as a share of its price. */
  #price(
    duals: Float64Array,
    demand: Float64Array,
    rows: MasterRows,
  ): { readonly patterns: readonly Pattern[]; readonly leastRate: number } {
    const patterns: Pattern[] = [];
    const wanted = Math.ceil(demand.length / classesForOnePattern);
    let leastRate = 0;
    for (const [type, node] of this.#nodeTypes.entries()) {
      const { worths, price } = rows.worthsFor(type, node.usdPerHour, duals);
      const least = price + zeroCostFraction * node.usdPerHour;
      const { bound, found } = certain(this.#fillings[type]).fill(worths, demand, least, wanted);
      leastRate = Math.min(leastRate, (price - Math.max(bound, least)) / node.usdPerHour);
      for (const contents of found) patterns.push({ type, ...contents });
    }
    return { patterns, leastRate };
  }
}
