import { createHash } from "node:crypto";

/** Gives numbers in [0, 1). */
export type Random = () => number;

/**
 * xoshiro128** with a state from the hash of seed and stream: every stream of a seed is independent of the others, so
 * that the arrivals of one server do not depend on which other servers there are.
 */
export function seededRandom(seed: number, stream: string): Random {
  const digest = createHash("sha256")
    .update(JSON.stringify([seed, stream]))
    .digest();
  let [a, b, c, d] = [
    digest.readUInt32LE(0),
    digest.readUInt32LE(4),
    digest.readUInt32LE(8),
    digest.readUInt32LE(12),
  ];
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result / 2 ** 32;
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** A sample of the exponential distribution: the gap between two arrivals of a Poisson process. */
export function exponential(random: Random, mean: number): number {
  // `1 - random` is in (0, 1]: its logarithm is finite.
  return -Math.log(1 - random()) * mean;
}

/** A sample of the geometric distribution on 1, 2, 3 …; `mean` is at least 1. */
export function geometric(random: Random, mean: number): number {
  return 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - 1 / mean));
}
