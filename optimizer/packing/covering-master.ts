import { certain } from "../certain.ts";

/** Reduced costs in USD per hour, pivots and amounts smaller than these count as zero. */
const zeroCost = 1e-8;
const zeroPivot = 1e-9;
const zeroAmount = 1e-7;
const zeroCell = 1e-12;

/** Pivots without progress after which the first column enters instead of the best one: that cannot cycle. */
const mostStalled = 60;

/**
 * The linear programme min c·x, A·x ≥ b, x ≥ 0, whose columns come one after the other: the revised simplex method
 * with an explicit inverse of the basis. What no column gives to a row costs `penalty` a unit, so that there always
 * is an answer.
 */
export class CoveringMaster {
  /** Worth of one unit of each row, at the last answer. */
  readonly duals: Float64Array;
  /** Steps of arithmetic so far, about: what a search may spend, since it does not depend on the machine's speed. */
  work = 0;
  readonly #rowCount: number;
  readonly #prices: number[] = [];
  /** Column i stands in the rows `#rows[k]` with `#entries[k]`, from `#starts[i]` to before `#starts[i + 1]`. */
  readonly #starts: number[] = [0];
  readonly #rows: number[] = [];
  readonly #entries: number[] = [];
  /** Row by row. */
  readonly #inverse: Float64Array;
  /** Column of each basic variable; below 0 the surplus of row -1-number, further below its shortfall. */
  readonly #basis: Int32Array;
  readonly #amounts: Float64Array;
  readonly #direction: Float64Array;
  /** Columns in which the pivot's row of the inverse is not zero. */
  readonly #filled: Int32Array;
  #stalled = 0;

  constructor(required: Float64Array, penalty: number) {
    const rowCount = required.length;
    this.#rowCount = rowCount;
    this.duals = new Float64Array(rowCount);
    this.#inverse = new Float64Array(rowCount * rowCount);
    this.#basis = new Int32Array(rowCount);
    this.#amounts = new Float64Array(rowCount);
    this.#direction = new Float64Array(rowCount);
    this.#filled = new Int32Array(rowCount);
    for (let row = 0; row < rowCount; row++) {
      const amount = certain(required[row]);
      const isShort = amount > 0;
      this.#basis[row] = isShort ? -1 - rowCount - row : -1 - row;
      this.#inverse[row * rowCount + row] = isShort ? 1 : -1;
      this.#amounts[row] = Math.abs(amount);
      this.duals[row] = isShort ? penalty : 0;
    }
  }

  /** `rows` names each row once. */
  addColumn(price: number, rows: readonly number[], entries: readonly number[]): void {
    this.#prices.push(price);
    for (const row of rows) this.#rows.push(row);
    for (const entry of entries) this.#entries.push(entry);
    this.#starts.push(this.#rows.length);
  }

  /** Takes as much of the last column as improves the answer's start. */
  enterLast(): void {
    this.#pivot(this.#prices.length - 1);
  }

  /** Pivots until no known column makes the answer cheaper, or so much work is done. */
  solve(mostWork: number): void {
    const mostPivots = 50 * this.#rowCount + 200;
    for (let pivot = 0; pivot < mostPivots && this.work < mostWork; pivot++) {
      const entering = this.#enteringColumn();
      if (entering === undefined || !this.#pivot(entering)) return;
    }
  }

  /** How much the answer takes of the columns, where that is more than nothing, in order of the columns. */
  taken(): readonly { readonly column: number; readonly amount: number }[] {
    const taken: { readonly column: number; readonly amount: number }[] = [];
    for (let row = 0; row < this.#rowCount; row++) {
      const column = certain(this.#basis[row]);
      const amount = certain(this.#amounts[row]);
      if (column >= 0 && amount > zeroAmount) taken.push({ column, amount });
    }
    return taken.toSorted((a, b) => a.column - b.column);
  }

  /** Whether columns alone do not give every row what it requires. */
  isShort(): boolean {
    for (let row = 0; row < this.#rowCount; row++) {
      if (certain(this.#basis[row]) < -this.#rowCount && certain(this.#amounts[row]) > zeroAmount)
        return true;
    }
    return false;
  }

  /** The column of the most negative reduced cost; while stalled the first of a negative one. */
  #enteringColumn(): number | undefined {
    const first = this.#stalled > mostStalled;
    let entering: number | undefined;
    let least = -zeroCost;
    // A surplus takes one unit from its row, so its reduced cost is the row's dual.
    for (let row = 0; row < this.#rowCount; row++) {
      const cost = certain(this.duals[row]);
      if (cost >= least) continue;
      if (first) return -1 - row;
      entering = -1 - row;
      least = cost;
    }
    let at = 0;
    for (let column = 0; column < this.#prices.length; column++) {
      let cost = certain(this.#prices[column]);
      for (const end = certain(this.#starts[column + 1]); at < end; at++) {
        cost -= certain(this.duals[certain(this.#rows[at])]) * certain(this.#entries[at]);
      }
      if (cost >= least) continue;
      if (first) return column;
      entering = column;
      least = cost;
    }
    this.work += this.#rows.length;
    return entering;
  }

  /** False where nothing limits the column, which only numerical trouble brings about. */
  #pivot(entering: number): boolean {
    const rowCount = this.#rowCount;
    const reducedCost = this.#computeDirection(entering);
    let leaving = -1;
    let step = Number.POSITIVE_INFINITY;
    for (let row = 0; row < rowCount; row++) {
      const pivot = certain(this.#direction[row]);
      if (pivot <= zeroPivot) continue;
      const ratio = Math.max(0, certain(this.#amounts[row])) / pivot;
      // Of equal ratios the largest pivot, which loses the fewest digits; while stalled the first variable.
      const better =
        leaving < 0 || ratio < step - 1e-12
          ? true
          : ratio <= step + 1e-12 &&
            (this.#stalled > mostStalled
              ? certain(this.#basis[row]) < certain(this.#basis[leaving])
              : pivot > certain(this.#direction[leaving]));
      if (!better) continue;
      leaving = row;
      step = ratio;
    }
    if (leaving < 0) return false;
    this.#stalled = step * -reducedCost > 1e-9 ? 0 : this.#stalled + 1;
    this.#exchange(leaving, entering, step, reducedCost);
    return true;
  }

  /** Inverse times the column, into `#direction`; gives the reduced cost. */
  #computeDirection(entering: number): number {
    const rowCount = this.#rowCount;
    const direction = this.#direction;
    if (entering < 0) {
      const surplusRow = -1 - entering;
      for (let row = 0; row < rowCount; row++) {
        direction[row] = -certain(this.#inverse[row * rowCount + surplusRow]);
      }
      return certain(this.duals[surplusRow]);
    }
    direction.fill(0);
    let cost = certain(this.#prices[entering]);
    const end = certain(this.#starts[entering + 1]);
    for (let at = certain(this.#starts[entering]); at < end; at++) {
      const inRow = certain(this.#rows[at]);
      const entry = certain(this.#entries[at]);
      cost -= certain(this.duals[inRow]) * entry;
      for (let row = 0, cell = inRow; row < rowCount; row++, cell += rowCount) {
        direction[row] = certain(direction[row]) + certain(this.#inverse[cell]) * entry;
      }
    }
    this.work += rowCount * (end - certain(this.#starts[entering]));
    return cost;
  }

  #exchange(leaving: number, entering: number, step: number, reducedCost: number): void {
    const rowCount = this.#rowCount;
    const inverse = this.#inverse;
    const offset = leaving * rowCount;
    const pivot = certain(this.#direction[leaving]);
    const filled = this.#filled;
    let filledCount = 0;
    for (let column = 0; column < rowCount; column++) {
      const cell = certain(inverse[offset + column]);
      // Rests of cancelled digits would fill the inverse up.
      if (Math.abs(cell) < zeroCell) {
        inverse[offset + column] = 0;
        continue;
      }
      const scaled = cell / pivot;
      inverse[offset + column] = scaled;
      this.duals[column] = certain(this.duals[column]) + reducedCost * scaled;
      filled[filledCount++] = column;
    }
    this.work += rowCount;
    for (let row = 0; row < rowCount; row++) {
      const factor = certain(this.#direction[row]);
      if (row === leaving || Math.abs(factor) < zeroCell) continue;
      this.#amounts[row] = certain(this.#amounts[row]) - step * factor;
      const at = row * rowCount;
      for (let each = 0; each < filledCount; each++) {
        const column = certain(filled[each]);
        inverse[at + column] = certain(inverse[at + column]) - factor * certain(inverse[offset + column]);
      }
      this.work += filledCount;
    }
    this.#amounts[leaving] = step;
    this.#basis[leaving] = entering;
  }
}
