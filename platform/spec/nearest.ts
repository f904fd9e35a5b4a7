import { closest, distance } from "fastest-levenshtein";

/** The candidate that the user most likely meant; undefined where nothing is near (more than a third is wrong). */
export function nearestName(found: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const lower = new Map(candidates.map((candidate) => [candidate.toLowerCase(), candidate]));
  const best = closest(found.toLowerCase(), [...lower.keys()]);
  const limit = Math.max(2, Math.ceil(found.length / 3));
  return distance(found.toLowerCase(), best) <= limit ? lower.get(best) : undefined;
}

/** `"modles" is not known; did you mean "models"?`, for the message of a problem. */
export function unknownName(what: string, found: string, candidates: readonly string[]): string {
  const nearest = nearestName(found, candidates);
  return `${what} "${found}" is not known${nearest ? `; did you mean "${nearest}"?` : ""}`;
}
