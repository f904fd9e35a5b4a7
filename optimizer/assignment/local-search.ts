import { certain } from "../certain.ts";
import { unserved } from "./assignment-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import type { Ledger } from "./ledger.ts";

/** Passes over all servers after which the search ends even if it still gains; few are needed. */
const mostPasses = 20;

/**
 * Serves who is left out and still fits, and moves servers to cheaper options that have room, until neither is
 * possible. Neither step makes an assignment worse.
 */
export function improveInPlace(problem: CompiledProblem, ledger: Ledger): void {
  for (let pass = 0; pass < mostPasses; pass++) {
    let changed = false;
    // Who is left out comes first, or the moves would take the room.
    for (const leftOut of [true, false]) {
      for (let server = 0; server < problem.serverCount; server++) {
        if ((ledger.chosen[server] === unserved) !== leftOut) continue;
        if (moveToCheapestThatFits(problem, ledger, server)) changed = true;
      }
    }
    if (!changed) return;
  }
}

function moveToCheapestThatFits(problem: CompiledProblem, ledger: Ledger, server: number): boolean {
  const before = certain(ledger.chosen[server]);
  const first = certain(problem.optionStart[server]);
  if (before === first) return false;
  const end = before === unserved ? certain(problem.optionStart[server + 1]) : before;
  ledger.take(server);
  for (let option = first; option < end; option++) {
    if (before !== unserved && certain(problem.value[option]) >= certain(problem.value[before])) break;
    if (ledger.fits(option)) {
      ledger.give(server, option);
      return true;
    }
  }
  if (before !== unserved) ledger.give(server, before);
  return false;
}
