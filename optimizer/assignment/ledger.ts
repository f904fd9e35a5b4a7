import { certain } from "../certain.ts";
import { unserved } from "./assignment-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";

/** Share of a type's capacity that sums of fractional units may exceed it by, through rounding only. */
const roundingFraction = 1e-12;

/** An assignment under construction: which option each server has, and the units that are left. */
export class Ledger {
  /** Option of each server, as numbered in the compiled problem. */
  readonly chosen: Int32Array;
  /** Units left of each type. */
  readonly room: Float64Array;
  readonly #slack: Float64Array;
  readonly #problem: CompiledProblem;

  constructor(problem: CompiledProblem, chosen?: Int32Array) {
    this.#problem = problem;
    this.chosen = new Int32Array(problem.serverCount).fill(unserved);
    this.room = problem.capacity.slice();
    this.#slack = problem.capacity.map((units) =>
      units < Number.POSITIVE_INFINITY ? units * roundingFraction : 0,
    );
    if (chosen)
      for (const [server, option] of chosen.entries()) if (option !== unserved) this.give(server, option);
  }

  /** Whether the option can be given to a server that has none. */
  fits(option: number): boolean {
    const { useStart, useType, useUnits } = this.#problem;
    const end = certain(useStart[option + 1]);
    for (let use = certain(useStart[option]); use < end; use++) {
      const type = certain(useType[use]);
      if (certain(useUnits[use]) > certain(this.room[type]) + certain(this.#slack[type])) return false;
    }
    return true;
  }

  give(server: number, option: number): void {
    this.chosen[server] = option;
    this.#add(option, -1);
  }

  /** Takes from a server what it has and returns it. */
  take(server: number): number {
    const option = certain(this.chosen[server]);
    if (option !== unserved) this.#add(option, 1);
    this.chosen[server] = unserved;
    return option;
  }

  /** Whether nothing exceeds its capacity. */
  get isFeasible(): boolean {
    return this.room.every((units, type) => units >= -certain(this.#slack[type]));
  }

  #add(option: number, sign: 1 | -1): void {
    const { useStart, useType, useUnits } = this.#problem;
    const end = certain(useStart[option + 1]);
    for (let use = certain(useStart[option]); use < end; use++) {
      const type = certain(useType[use]);
      this.room[type] = certain(this.room[type]) + sign * certain(useUnits[use]);
    }
  }
}
