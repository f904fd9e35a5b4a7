import { certain } from "../../certain.ts";

/** Steps too rare to show; without them, states that are never reached are seen to be so. */
const leastProbability = 1e-16;

/** A Markov chain on some numbers, whose rows hold what is not negligible in one band each. */
export class LevelChain {
  readonly states: number;
  /** By number: the place of the largest level that is not above it. */
  readonly #below: Int32Array;
  /** By number: its part that counts as that level; the rest counts as the next one. */
  readonly #part: Float64Array;
  /** Row by row. */
  readonly #probabilities: Float64Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;

  /** @param levels ascending. */
  constructor(levels: Int32Array) {
    const states = levels.length;
    const last = certain(levels[states - 1]);
    this.states = states;
    this.#probabilities = new Float64Array(states * states);
    this.#first = new Int32Array(states).fill(states);
    this.#last = new Int32Array(states).fill(-1);
    this.#below = new Int32Array(last + 1);
    this.#part = new Float64Array(last + 1).fill(1);
    for (let state = 0; state + 1 < states; state++) {
      const from = certain(levels[state]);
      const to = certain(levels[state + 1]);
      for (let number = from; number < to; number++) {
        this.#below[number] = state;
        this.#part[number] = (to - number) / (to - from);
      }
    }
    this.#below[last] = states - 1;
  }

  /** Adds to the probability of a step from a level to a number; a number above the last level counts as the last. */
  add(from: number, to: number, probability: number): void {
    if (probability < leastProbability) return;
    const number = Math.min(to, this.#below.length - 1);
    const row = certain(this.#below[from]);
    const state = certain(this.#below[number]);
    const part = certain(this.#part[number]);
    const at = row * this.states + state;
    this.#probabilities[at] = certain(this.#probabilities[at]) + part * probability;
    if (state < certain(this.#first[row])) this.#first[row] = state;
    let reached = state;
    if (part < 1) {
      this.#probabilities[at + 1] = certain(this.#probabilities[at + 1]) + (1 - part) * probability;
      reached++;
    }
    if (reached > certain(this.#last[row])) this.#last[row] = reached;
  }

  /**
   * Share of steps that start in each state, by elimination of one state after the other from the last to the first
   * (Grassmann, Taksar and Heyman): without subtractions, so that even the smallest shares are exact to a few digits
   * of the last place. Uses up the chain.
   */
  stationary(): Float64Array {
    const { states } = this;
    const p = this.#probabilities;
    const first = this.#first;
    const last = this.#last;
    const leaves = new Float64Array(states);
    // Those below it are left for ever.
    let lowest = states - 1;
    for (; lowest > 0; lowest--) {
      const state = lowest;
      const row = state * states;
      const start = certain(first[state]);
      let leaving = 0;
      for (let to = start; to < state; to++) leaving += certain(p[row + to]);
      if (leaving === 0) break;
      leaves[state] = leaving;
      for (let from = 0; from < state; from++) {
        if (certain(last[from]) < state) continue;
        const fromRow = from * states;
        const entering = certain(p[fromRow + state]);
        if (entering === 0) continue;
        const factor = entering / leaving;
        for (let to = start; to < state; to++) {
          p[fromRow + to] = certain(p[fromRow + to]) + factor * certain(p[row + to]);
        }
        if (start < certain(first[from])) first[from] = start;
        if (certain(last[from]) === state) last[from] = state - 1;
      }
    }
    const shares = new Float64Array(states);
    shares[lowest] = 1;
    let total = 1;
    for (let state = lowest + 1; state < states; state++) {
      let entering = 0;
      for (let from = lowest; from < state; from++)
        entering += certain(shares[from]) * certain(p[from * states + state]);
      const share = entering / certain(leaves[state]);
      shares[state] = share;
      total += share;
    }
    for (let state = 0; state < states; state++) shares[state] = certain(shares[state]) / total;
    return shares;
  }
}
