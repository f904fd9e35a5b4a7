import type { Random } from "../../../../optimizer/simulation/random.ts";

/** What one connection sends, and what may come of it. */
export interface FuzzCase {
  /** What was tried; cases of a kind are counted together. */
  readonly kind: string;
  /** Written one after the other. */
  readonly writes: readonly Buffer[];
  /**
   * `accepted`: every request of `reaching` is answered with 200, in turn. `refused`: nothing is answered with 2xx.
   * `either`: the bytes are damaged in ways that leave it open.
   */
  readonly expected: "accepted" | "refused" | "either";
  /** The only requests that an engine may see, by request id: their bodies; undefined where those are open too. */
  readonly reaching: ReadonlyMap<string, Buffer | undefined>;
  /** The client goes away as soon as it has written. */
  readonly abandons?: boolean;
}

/** Makes a case. `id` is unique to it. */
export type CaseMaker = (random: Random, id: string) => FuzzCase;

export function integer(random: Random, below: number): number {
  return Math.floor(random() * below);
}

export function pick<Item>(random: Random, items: readonly [Item, ...Item[]]): Item {
  return items[integer(random, items.length)] ?? items[0];
}

export function chance(random: Random, share: number): boolean {
  return random() < share;
}

export function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => integer(random, 256)));
}

/** Cuts bytes at random places, so that every state of a parser meets the end of a read. */
export function splitAtRandom(random: Random, bytes: Buffer, mostCuts = 4): Buffer[] {
  const cuts = Array.from({ length: integer(random, mostCuts + 1) }, () => integer(random, bytes.length + 1));
  const places = [0, ...cuts.toSorted((left, right) => left - right), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

/** A refused case: no engine may hear of it. */
export function refused(kind: string, writes: readonly Buffer[], abandons = false): FuzzCase {
  return { kind, writes, expected: "refused", reaching: new Map(), abandons };
}
