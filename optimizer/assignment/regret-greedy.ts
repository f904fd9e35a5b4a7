import { certain } from "../certain.ts";
import { unserved } from "./assignment-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { Ledger } from "./ledger.ts";

/**
 * Inferno's greedy assignment: of the most important servers left, the one that loses most by not getting the option
 * it wants is next. It takes that option if it fits and wants its next dearer one otherwise; nothing is taken back.
 */
export function regretGreedy(problem: CompiledProblem): Int32Array {
  const ledger = new Ledger(problem);
  serveLeftOut(problem, ledger);
  return ledger.chosen;
}

/** The same for the servers that have nothing yet. */
export function serveLeftOut(problem: CompiledProblem, ledger: Ledger): void {
  const queue = new RegretQueue(problem);
  for (let level = 0; level + 1 < problem.levelStart.length; level++) {
    const end = certain(problem.levelStart[level + 1]);
    for (let server = certain(problem.levelStart[level]); server < end; server++) {
      if (ledger.chosen[server] === unserved && fitsSome(problem, ledger, server)) queue.push(server);
    }
    for (let server = queue.pop(); server !== undefined; server = queue.pop()) {
      const wanted = queue.wanted(server);
      if (ledger.fits(wanted)) ledger.give(server, wanted);
      else if (fitsSome(problem, ledger, server)) queue.pushForNext(server);
    }
  }
}

/** Room only shrinks here: a server of which no option fits gets none, and need not wait for its turn to learn that. */
function fitsSome(problem: CompiledProblem, ledger: Ledger, server: number): boolean {
  const end = certain(problem.optionStart[server + 1]);
  for (let option = certain(problem.optionStart[server]); option < end; option++) {
    if (ledger.fits(option)) return true;
  }
  return false;
}

/** Servers of one level in the order in which Inferno serves them: a binary heap. */
export class RegretQueue {
  readonly #problem: CompiledProblem;
  readonly #heap: number[] = [];
  /** Option that each server wants now. */
  readonly #wanted: Int32Array;
  /** What the next option costs more than the wanted one; infinite for the last. */
  readonly #regret: Float64Array;

  constructor(problem: CompiledProblem) {
    this.#problem = problem;
    this.#wanted = problem.optionStart.slice(0, problem.serverCount);
    this.#regret = new Float64Array(problem.serverCount);
  }

  wanted(server: number): number {
    return certain(this.#wanted[server]);
  }

  /** Adds a server that has an option left to want; another one is left out. */
  push(server: number): void {
    const { optionStart, value } = this.#problem;
    const wanted = this.wanted(server);
    const end = certain(optionStart[server + 1]);
    if (wanted === end) return;
    this.#regret[server] =
      wanted + 1 === end ? Number.POSITIVE_INFINITY : certain(value[wanted + 1]) - certain(value[wanted]);
    this.#rise(this.#heap.push(server) - 1);
  }

  pushForNext(server: number): void {
    this.#wanted[server] = this.wanted(server) + 1;
    this.push(server);
  }

  pop(): number | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink();
    }
    return first;
  }

  /** Most regret first, then most value, then the order of the compiled problem. */
  #precedes(a: number, b: number): boolean {
    const regret = certain(this.#regret[a]) - certain(this.#regret[b]);
    // Two infinite regrets differ by no number.
    if (regret > 0 || regret < 0) return regret > 0;
    const value = certain(this.#problem.value[this.wanted(a)]) - certain(this.#problem.value[this.wanted(b)]);
    return value > 0 || (value === 0 && a < b);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const server = certain(heap[from]);
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#precedes(server, certain(heap[parent]))) break;
      heap[at] = certain(heap[parent]);
      at = parent;
    }
    heap[at] = server;
  }

  #sink(): void {
    const heap = this.#heap;
    const server = certain(heap[0]);
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#precedes(certain(heap[child + 1]), certain(heap[child]))) child++;
      if (!this.#precedes(certain(heap[child]), server)) break;
      heap[at] = certain(heap[child]);
      at = child;
    }
    heap[at] = server;
  }
}
