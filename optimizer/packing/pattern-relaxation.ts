import { certain } from "../certain.ts";
import { CoveringMaster } from "./covering-master.ts";
import type { NodeFilling } from "./node-filling.ts";
import type { NodeType } from "./node-fit.ts";

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
}

/** Columns at most; far more than any fleet of 1,000 replicas has needed. */
const mostPatterns = 4_000;

/** Reduced costs above this share of a node's price, below 0, are rounding. */
const zeroCostFraction = 1e-9;

/**
 * The Gilmore-Gomory relaxation, solved by column generation: of all patterns only those are ever written down that a
 * knapsack finds worth more than their node costs. Patterns found for one problem are kept for the next.
 */
export class PatternRelaxation {
  readonly #nodeTypes: readonly NodeType[];
  readonly #fillings: readonly NodeFilling[];
  readonly #patterns: Pattern[] = [];
  readonly #known = new Set<string>();
  #masterWork = 0;

  constructor(nodeTypes: readonly NodeType[], fillings: readonly NodeFilling[]) {
    this.#nodeTypes = nodeTypes;
    this.#fillings = fillings;
  }

  /** Steps of arithmetic so far, about: what a search may spend, since it does not depend on the machine's speed. */
  get work(): number {
    return this.#fillings.reduce((sum, { work }) => sum + work, this.#masterWork);
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
   */
  solve(demand: Float64Array, conditions: readonly NodeCondition[], ceiling: number): Relaxation {
    const rowOf = new Int32Array(demand.length).fill(-1);
    const demanded = [...demand.keys()].filter((index) => certain(demand[index]) > 0);
    for (const [row, index] of demanded.entries()) rowOf[index] = row;
    const required = Float64Array.from([
      ...demanded.map((index) => certain(demand[index])),
      ...conditions.map((condition) => condition.required),
    ]);
    // Dearer than any answer that matters, so that an answer falls short of the demand only where all do.
    const master = new CoveringMaster(required, 2 * ceiling);
    const columns: Pattern[] = [];
    const add = (pattern: Pattern) => {
      const { rows, entries } = columnOf(pattern, rowOf, demanded.length, conditions);
      if (rows.length === 0) return;
      columns.push(pattern);
      master.addColumn(certain(this.#nodeTypes[pattern.type]).usdPerHour, rows, entries);
    };
    this.#patterns.forEach(add);

    let bound = 0;
    for (;;) {
      master.solve();
      const found = this.#price(master.duals, demand, rowOf, demanded.length, conditions);
      let value = 0;
      for (let row = 0; row < required.length; row++) {
        value += Math.max(0, certain(master.duals[row])) * certain(required[row]);
      }
      // Whoever spends less than the ceiling gains at most the best rate of gain on all of it.
      bound = Math.max(bound, value + ceiling * Math.min(0, found.leastRate));
      const added =
        this.#patterns.length < mostPatterns ? found.patterns.filter((one) => this.addPattern(one)) : [];
      if (bound >= ceiling || added.length === 0) break;
      added.forEach(add);
    }
    this.#masterWork += master.work;
    if (bound >= ceiling || master.isShort()) return { bound, taken: [] };
    const taken = master
      .taken()
      .map(({ column, amount }) => ({ pattern: certain(columns[column]), nodes: amount }));
    return { bound, taken };
  }

  /** For each node type the pattern of most gain, and a floor under its reduced cost as a share of its price. */
  #price(
    duals: Float64Array,
    demand: Float64Array,
    rowOf: Int32Array,
    classRows: number,
    conditions: readonly NodeCondition[],
  ): { readonly patterns: readonly Pattern[]; readonly leastRate: number } {
    const worths = new Float64Array(demand.length);
    const patterns: Pattern[] = [];
    let leastRate = 0;
    for (const [type, node] of this.#nodeTypes.entries()) {
      for (let index = 0; index < demand.length; index++) {
        const row = certain(rowOf[index]);
        worths[index] = row < 0 ? 0 : Math.max(0, certain(duals[row]));
      }
      let price = node.usdPerHour;
      for (const [at, { weights, ofClass }] of conditions.entries()) {
        const worth = Math.max(0, certain(duals[classRows + at])) * certain(weights[type]);
        if (ofClass === undefined) price -= worth;
        else worths[ofClass] = certain(worths[ofClass]) + worth;
      }
      const least = price + zeroCostFraction * node.usdPerHour;
      const { bound, best } = certain(this.#fillings[type]).fill(worths, demand, least);
      leastRate = Math.min(leastRate, (price - Math.max(bound, least)) / node.usdPerHour);
      if (best) patterns.push({ type, classes: best.classes, counts: best.counts });
    }
    return { patterns, leastRate };
  }
}

function columnOf(
  pattern: Pattern,
  rowOf: Int32Array,
  classRows: number,
  conditions: readonly NodeCondition[],
): { readonly rows: readonly number[]; readonly entries: readonly number[] } {
  const rows: number[] = [];
  const entries: number[] = [];
  for (const [at, index] of pattern.classes.entries()) {
    const row = certain(rowOf[index]);
    if (row < 0) continue;
    rows.push(row);
    entries.push(certain(pattern.counts[at]));
  }
  for (const [at, { weights, ofClass }] of conditions.entries()) {
    const held = ofClass === undefined ? 1 : (pattern.counts[pattern.classes.indexOf(ofClass)] ?? 0);
    const entry = held * certain(weights[pattern.type]);
    if (entry === 0) continue;
    rows.push(classRows + at);
    entries.push(entry);
  }
  return { rows, entries };
}
