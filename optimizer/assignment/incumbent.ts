import type { CompiledProblem } from "./compiled-problem.ts";
import { Ledger } from "./ledger.ts";
import { improveInPlace } from "./local-search.ts";
import { serveLeftOut } from "./regret-greedy.ts";
import { compareScores, scoreOf } from "./score.ts";
import type { Score } from "./score.ts";

/** The best assignment found so far, as options of the compiled problem. */
export class Incumbent {
  readonly #problem: CompiledProblem;
  readonly #onBetter: ((chosen: Int32Array) => void) | undefined;
  #chosen: Int32Array;
  #score: Score;

  constructor(problem: CompiledProblem, chosen: Int32Array, onBetter?: (chosen: Int32Array) => void) {
    this.#problem = problem;
    this.#onBetter = onBetter;
    this.#chosen = chosen;
    this.#score = scoreOf(problem, chosen);
  }

  get chosen(): Int32Array {
    return this.#chosen;
  }

  get score(): Score {
    return this.#score;
  }

  /** Completes an assignment, which may leave servers out, and keeps it if it is the better one. */
  offer(chosen: Int32Array): void {
    const ledger = new Ledger(this.#problem, chosen);
    if (!ledger.isFeasible) return;
    serveLeftOut(this.#problem, ledger);
    improveInPlace(this.#problem, ledger);
    const score = scoreOf(this.#problem, ledger.chosen);
    if (compareScores(score, this.#score) >= 0) return;
    this.#chosen = ledger.chosen;
    this.#score = score;
    this.#onBetter?.(ledger.chosen);
  }
}
