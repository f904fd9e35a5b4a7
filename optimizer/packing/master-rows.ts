import { certain } from "../certain.ts";
import type { NodeCondition, Pattern, Worths } from "./pattern-relaxation.ts";

/** Which row of the linear programme is which class or condition: classes that are demanded first. */
export class MasterRows {
  readonly required: Float64Array;
  readonly #conditions: readonly NodeCondition[];
  /** Row of each class, -1 where none is demanded. */
  readonly #rowOf: Int32Array;
  readonly #classRows: number;

  constructor(demand: Float64Array, conditions: readonly NodeCondition[]) {
    const demanded = [...demand.keys()].filter((index) => certain(demand[index]) > 0);
    this.#conditions = conditions;
    this.#classRows = demanded.length;
    this.#rowOf = new Int32Array(demand.length).fill(-1);
    for (const [row, index] of demanded.entries()) this.#rowOf[index] = row;
    this.required = Float64Array.from([
      ...demanded.map((index) => certain(demand[index])),
      ...conditions.map((condition) => condition.required),
    ]);
  }

  dualsOf({ ofClasses, ofConditions }: Worths): Float64Array {
    const duals = new Float64Array(this.required.length);
    for (const [index, row] of this.#rowOf.entries()) if (row >= 0) duals[row] = certain(ofClasses[index]);
    duals.set(ofConditions, this.#classRows);
    return duals;
  }

  worthsOf(duals: Float64Array): Worths {
    return {
      ofClasses: Float64Array.from(this.#rowOf, (row) => (row < 0 ? 0 : Math.max(0, certain(duals[row])))),
      ofConditions: duals.slice(this.#classRows),
    };
  }

  columnOf(pattern: Pattern): { readonly rows: readonly number[]; readonly entries: readonly number[] } {
    const rows: number[] = [];
    const entries: number[] = [];
    for (const [at, index] of pattern.classes.entries()) {
      const row = certain(this.#rowOf[index]);
      if (row < 0) continue;
      rows.push(row);
      entries.push(certain(pattern.counts[at]));
    }
    for (const [at, { weights, ofClass }] of this.#conditions.entries()) {
      const held = ofClass === undefined ? 1 : (pattern.counts[pattern.classes.indexOf(ofClass)] ?? 0);
      const entry = held * certain(weights[pattern.type]);
      if (entry === 0) continue;
      rows.push(this.#classRows + at);
      entries.push(entry);
    }
    return { rows, entries };
  }

  /** What one replica of each class is worth on a node type, and what such a node costs less what it is worth empty. */
  worthsFor(
    type: number,
    usdPerHour: number,
    duals: Float64Array,
  ): { readonly worths: Float64Array; readonly price: number } {
    const worths = Float64Array.from(this.#rowOf, (row) => (row < 0 ? 0 : Math.max(0, certain(duals[row]))));
    let price = usdPerHour;
    for (const [at, { weights, ofClass }] of this.#conditions.entries()) {
      const worth = Math.max(0, certain(duals[this.#classRows + at])) * certain(weights[type]);
      if (ofClass === undefined) price -= worth;
      else worths[ofClass] = certain(worths[ofClass]) + worth;
    }
    return { worths, price };
  }
}
