import type { ModelArchitecture } from "../catalog/catalog.ts";
import type { Rejection } from "../workload.ts";

/**
 * Whether the layers can be shared out over so many cards: each card computes whole attention heads, all cards equally
 * many, and keys and values are either shared out the same way or held in equally many copies. Engines refuse to start
 * otherwise.
 */
export function dividesHeads(
  { attentionHeadCount, kvHeadCount }: Pick<ModelArchitecture, "attentionHeadCount" | "kvHeadCount">,
  cards: number,
): boolean {
  return (attentionHeadCount ?? 0) % cards === 0 && (kvHeadCount % cards === 0 || cards % kvHeadCount === 0);
}

/** Why the layers cannot be shared out over so many cards, with the next lower number over which they can. */
export function headsMiss(
  model: Pick<ModelArchitecture, "attentionHeadCount" | "kvHeadCount">,
  cards: number,
): Pick<Rejection, "constraint" | "allowed" | "reached" | "unit"> | undefined {
  if (dividesHeads(model, cards)) return undefined;
  let allowed = cards - 1;
  while (!dividesHeads(model, allowed)) allowed--;
  return { constraint: "heads", allowed, reached: cards, unit: "GPU" };
}
