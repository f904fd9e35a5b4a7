import { hashPair, hashText } from "./hash.ts";

/** A version as the choice sees it. */
export interface WeightedVersion {
  /** `versionHash` of its name. */
  readonly hash: number;
  /** Not negative. */
  readonly weight: number;
}

export function versionHash(version: string): number {
  return hashText(version);
}

/**
 * Hash of what keeps a caller at one version. The model is part of it, so that the same callers are not the ones who
 * try the new version of every model.
 *
 * @param modelHash `hashText` of the model's name, kept with the model
 */
export function stickyKeyHash(modelHash: number, key: string): number {
  return hashText(key, modelHash);
}

const wordRange = 2 ** 32;

/**
 * Index of the version that a key belongs to, -1 where there is none: weighted rendezvous hashing. Every version draws
 * an exponential lifetime from the key and divides it by its weight, and the shortest wins, so that each wins in
 * proportion to its weight and a draw depends on nothing but its key and version. When a weight grows keys move only to
 * that version, when it shrinks only away from it; of two versions exactly the share moves that the weights differ by.
 * A version of weight 0 is taken only where all are 0, then evenly.
 */
export function stickyVersion(versions: readonly WeightedVersion[], keyHash: number): number {
  let chosen = -1;
  let shortest = Infinity;
  let even = -1;
  let evenShortest = Infinity;
  for (let at = 0; at < versions.length; at++) {
    const version = versions[at];
    if (version === undefined) continue;
    const lifetime = -Math.log((hashPair(keyHash, version.hash) + 0.5) / wordRange);
    if (lifetime < evenShortest) {
      evenShortest = lifetime;
      even = at;
    }
    if (version.weight > 0 && lifetime / version.weight < shortest) {
      shortest = lifetime / version.weight;
      chosen = at;
    }
  }
  return chosen === -1 ? even : chosen;
}
