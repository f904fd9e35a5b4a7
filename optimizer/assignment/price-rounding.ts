import { certain } from "../certain.ts";
import { mayServe, mustServe } from "./stage.ts";
import type { Stage } from "./stage.ts";
import type { StageCounts } from "./stage-counts.ts";

/** Rounds of moves between types after which no answer is found; one a type is the rule. */
const mostRounds = 12;

/** Position that stands for taking no column. */
const none = -1;

/** Moving one server of a group from a column to another one or to none. */
interface Move {
  readonly group: number;
  readonly from: number;
  readonly to: number;
  /** What it costs more, at the prices. */
  readonly excess: number;
  readonly cost: number;
}

/**
 * A whole answer near the one that the prices ask for: everybody first takes what is cheapest at the prices, then the
 * moves that cost least for what they free take back what exceeds a capacity, and at last whatever fits and lowers the
 * cost is done. Undefined where the moves do not lead to an answer.
 */
export function roundToCounts(
  stage: Stage,
  price: Float64Array,
  excessOf: { readonly column: Float64Array; readonly none: Float64Array },
): StageCounts | undefined {
  const rounding = new Rounding(stage, excessOf);
  rounding.takeCheapest();
  rounding.fillQuotas(false);
  if (!rounding.free(price)) return undefined;
  if (!rounding.fillQuotas(true)) return undefined;
  rounding.improve();
  return rounding.counts;
}

class Rounding {
  readonly counts: StageCounts;
  readonly #stage: Stage;
  readonly #excess: Float64Array;
  readonly #excessNone: Float64Array;
  readonly #room: Float64Array;
  /** Servers without a column, by group. */
  readonly #left: Int32Array;
  /** Servers that each quota has more than it needs. */
  readonly #surplus: Int32Array;

  constructor(stage: Stage, excess: { readonly column: Float64Array; readonly none: Float64Array }) {
    this.#stage = stage;
    this.#excess = excess.column;
    this.#excessNone = excess.none;
    this.counts = new Int32Array(stage.option.length);
    this.#room = stage.capacity.slice();
    this.#left = stage.size.slice();
    this.#surplus = stage.quota.map((needed) => -needed);
  }

  /** Gives every server what it pays least for at the prices. */
  takeCheapest(): void {
    const { groupCount, size, duty } = this.#stage;
    for (let group = 0; group < groupCount; group++) {
      const isWanted = duty[group] === mustServe || certain(this.#excessNone[group]) > 0;
      // Where taking none is as good, the quota is filled afterwards by as many as it needs.
      if (isWanted) this.#shift(group, none, this.#cheapest(group), certain(size[group]));
    }
  }

  /** Serves as many as the quotas lack, those first who cost least. */
  fillQuotas(onlyWhatFits: boolean): boolean {
    const { groupCount, duty } = this.#stage;
    if (this.#surplus.every((surplus) => surplus >= 0)) return true;
    const moves: Move[] = [];
    for (let group = 0; group < groupCount; group++) {
      const quota = certain(duty[group]);
      if (quota < 0 || certain(this.#surplus[quota]) >= 0 || certain(this.#left[group]) === 0) continue;
      if (onlyWhatFits) this.#addMoves(moves, group, none, false);
      else moves.push(this.#move(group, none, this.#cheapest(group)));
    }
    for (const move of moves.toSorted((a, b) => a.excess - b.excess || a.group - b.group)) {
      const lacking = -certain(this.#surplus[certain(duty[move.group])]);
      if (lacking <= 0) continue;
      const most = Math.min(certain(this.#left[move.group]), lacking);
      this.#shift(
        move.group,
        none,
        move.to,
        onlyWhatFits ? Math.min(most, this.#fitting(none, move.to)) : most,
      );
    }
    return this.#surplus.every((surplus) => surplus >= 0);
  }

  /** Moves servers away from what is exceeded. Whether nothing is any more. */
  free(price: Float64Array): boolean {
    for (let round = 0; round < mostRounds; round++) {
      let isFeasible = true;
      for (let type = 0; type < this.#room.length; type++) {
        if (certain(this.#room[type]) >= 0) continue;
        isFeasible = false;
        this.#freeType(type, price);
      }
      if (isFeasible) return true;
    }
    return false;
  }

  /** Does what fits and lowers the cost, until nothing does. */
  improve(): void {
    const { groupCount, duty } = this.#stage;
    for (let round = 0; round < mostRounds; round++) {
      const moves: Move[] = [];
      for (let group = 0; group < groupCount; group++) {
        if (certain(this.#left[group]) > 0 && duty[group] === mayServe) {
          this.#addMoves(moves, group, none, true);
        }
        for (const from of this.#taken(group)) {
          this.#addMoves(moves, group, from, true);
        }
      }
      let changed = false;
      for (const move of moves.toSorted(
        (a, b) => a.excess - b.excess || a.cost - b.cost || a.group - b.group,
      )) {
        const available =
          move.from === none ? certain(this.#left[move.group]) : certain(this.counts[move.from]);
        const servers = Math.min(available, this.#fitting(move.from, move.to));
        if (servers === 0) continue;
        this.#shift(move.group, move.from, move.to, servers);
        changed = true;
      }
      if (!changed) return;
    }
  }

  #freeType(type: number, price: Float64Array): void {
    const { groupCount, duty } = this.#stage;
    const moves: (Move & { readonly excessPerUnit: number })[] = [];
    for (let group = 0; group < groupCount; group++) {
      for (const from of this.#taken(group)) {
        const held = this.#unitsOf(from, type);
        if (held === 0) continue;
        let best: number | undefined;
        let least = Number.POSITIVE_INFINITY;
        const consider = (to: number): void => {
          const freed = held - this.#unitsOf(to, type);
          if (freed <= 0 || this.#fitting(from, to) === 0) return;
          const excessPerUnit = (this.#excessOf(group, to) - this.#excessOf(group, from)) / freed;
          if (excessPerUnit >= least) return;
          least = excessPerUnit;
          best = to;
        };
        const end = certain(this.#stage.columnStart[group + 1]);
        for (let to = certain(this.#stage.columnStart[group]); to < end; to++) consider(to);
        if (duty[group] !== mustServe) consider(none);
        if (best !== undefined) moves.push({ ...this.#move(group, from, best), excessPerUnit: least });
      }
    }
    const unit = certain(price[type]);
    moves.sort((a, b) => a.excessPerUnit - b.excessPerUnit || a.group - b.group || a.from - b.from);
    for (const [index, { group, from, to, excess }] of moves.entries()) {
      const missing = -certain(this.#room[type]);
      if (missing <= 0) return;
      const freed = this.#unitsOf(from, type) - this.#unitsOf(to, type);
      // A giant frees far more than is missing, and then costs more than it seems to.
      if (freed > missing && excess > unit * missing && index < moves.length - 1) continue;
      const most = Math.min(certain(this.counts[from]), Math.ceil(missing / freed));
      this.#shift(group, from, to, Math.min(most, this.#fitting(from, to)));
    }
  }

  /** Adds the moves that fit. */
  #addMoves(moves: Move[], group: number, from: number, onlyCheaper: boolean): void {
    const end = certain(this.#stage.columnStart[group + 1]);
    for (let to = certain(this.#stage.columnStart[group]); to < end; to++) {
      if (to === from || (onlyCheaper && this.#costOf(to) >= this.#costOf(from))) continue;
      if (this.#fitting(from, to) > 0) moves.push(this.#move(group, from, to));
    }
  }

  #move(group: number, from: number, to: number): Move {
    const excess = this.#excessOf(group, to) - this.#excessOf(group, from);
    return { group, from, to, cost: this.#costOf(to) - this.#costOf(from), excess };
  }

  #costOf(column: number): number {
    return column === none ? 0 : certain(this.#stage.cost[column]);
  }

  #excessOf(group: number, column: number): number {
    return column === none ? certain(this.#excessNone[group]) : certain(this.#excess[column]);
  }

  #cheapest(group: number): number {
    let cheapest = certain(this.#stage.columnStart[group]);
    for (let column = cheapest; column < certain(this.#stage.columnStart[group + 1]); column++) {
      if (certain(this.#excess[column]) < certain(this.#excess[cheapest])) cheapest = column;
    }
    return cheapest;
  }

  #taken(group: number): readonly number[] {
    const taken: number[] = [];
    const end = certain(this.#stage.columnStart[group + 1]);
    for (let column = certain(this.#stage.columnStart[group]); column < end; column++) {
      if (certain(this.counts[column]) > 0) taken.push(column);
    }
    return taken;
  }

  #unitsOf(column: number, type: number): number {
    if (column === none) return 0;
    const { useStart, useType, useUnits } = this.#stage;
    for (let use = certain(useStart[column]); use < certain(useStart[column + 1]); use++) {
      if (useType[use] === type) return certain(useUnits[use]);
    }
    return 0;
  }

  /** Servers that can move without exceeding what is not exceeded now. */
  #fitting(from: number, to: number): number {
    if (to === none) return Number.POSITIVE_INFINITY;
    const { useStart, useType, useUnits } = this.#stage;
    let fitting = Number.POSITIVE_INFINITY;
    for (let use = certain(useStart[to]); use < certain(useStart[to + 1]); use++) {
      const type = certain(useType[use]);
      const more = certain(useUnits[use]) - this.#unitsOf(from, type);
      if (more > 0) fitting = Math.min(fitting, Math.floor(Math.max(certain(this.#room[type]), 0) / more));
    }
    return fitting;
  }

  #shift(group: number, from: number, to: number, servers: number): void {
    if (servers === 0) return;
    const { useStart, useType, useUnits, duty } = this.#stage;
    for (const [column, sign] of [
      [from, 1],
      [to, -1],
    ] as const) {
      if (column === none) {
        this.#left[group] = certain(this.#left[group]) + sign * -servers;
        const quota = certain(duty[group]);
        if (quota >= 0) this.#surplus[quota] = certain(this.#surplus[quota]) + sign * servers;
        continue;
      }
      this.counts[column] = certain(this.counts[column]) - sign * servers;
      for (let use = certain(useStart[column]); use < certain(useStart[column + 1]); use++) {
        const type = certain(useType[use]);
        this.#room[type] = certain(this.#room[type]) + sign * servers * certain(useUnits[use]);
      }
    }
  }
}
