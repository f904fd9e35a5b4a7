import { costOf } from "./candidate.ts";
import type { CandidatePart } from "./candidate.ts";
import type { CurrentAllocation } from "./inferno-system.ts";

/** Share of the cost of what comes and what goes that a change of accelerator is worth avoiding. */
const changePenalty = 0.1;

/**
 * Inferno's value of moving from the current allocation: 0 where nothing changes, otherwise the difference in cost,
 * and a tenth of the cost that leaves one accelerator and of the cost that arrives on another. Negative where less is
 * needed than there is. Without a current allocation it is 1.1 times the cost.
 */
export function transitionValue(current: CurrentAllocation, parts: readonly CandidatePart[]): number {
  const first = parts[0];
  const accelerator = first?.accelerator.name ?? "";
  if (parts.length <= 1 && accelerator === current.accelerator) {
    const replicas = first?.replicas ?? 0;
    return replicas === current.replicas ? 0 : costOfAll(parts) - current.cost;
  }
  const cost = costOfAll(parts);
  const kept = parts.filter((part) => part.accelerator.name === current.accelerator);
  const leaving = kept.length > 0 ? 0 : current.cost;
  return changePenalty * (leaving + (cost - costOfAll(kept))) + (cost - current.cost);
}

export function costOfAll(parts: readonly CandidatePart[]): number {
  return parts.reduce((sum, part) => sum + costOf(part), 0);
}
