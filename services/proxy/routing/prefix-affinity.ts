import { firstWithinBound, loadBound, type AffinityEndpoint } from "./bounded-load.ts";
import { hashOn, hashPair, scatter } from "./hash.ts";
import { RecentEndpoints } from "./recent-endpoints.ts";

/**
 * Bytes of a prompt after which its beginning is looked up. Each is twice the one before: five lookups tell a system
 * prompt from a conversation, and what follows 4 KiB (about a thousand tokens) is not worth its hashing.
 */
const prefixBytes = [256, 512, 1_024, 2_048, 4_096] as const;

/** Beginnings remembered: those of 13,000 prompts of 4 KiB and more, in 1 MiB of memory. */
const defaultCapacity = 65_536;

/**
 * Sends prompts that begin alike to the endpoint whose cache holds the beginning. It goes by the bytes as they came:
 * clients that write the same prompt with other white space are other clients to it.
 */
export class PrefixAffinity {
  readonly #recent: RecentEndpoints;
  /** Hashes of the beginnings of the prompt at hand: kept to not make an array a request. */
  readonly #prefixes = new Uint32Array(prefixBytes.length);

  /** @param capacity beginnings remembered, a power of two from 8 on */
  constructor(capacity: number = defaultCapacity) {
    this.#recent = new RecentEndpoints(capacity);
  }

  /**
   * Index of the endpoint for a prompt, which counts as sent there: the one that most recently served its longest known
   * beginning. Where none is known, or that endpoint is loaded beyond the bound or unusable, the next in the rendezvous
   * order of the beginning, which is the same in every proxy. -1 where the prompt is too short to gain from a cache or
   * no endpoint is usable; the load alone decides then.
   *
   * @param modelHash `hashText` of the model's name: the same prompt is cached by model
   * @param body bytes that hold the prompt from `from` to `to`, as `messages` or `prompt` stand in the request
   */
  choose(
    endpoints: readonly AffinityEndpoint[],
    modelHash: number,
    body: Uint8Array,
    from: number,
    to: number,
  ): number {
    const known = this.#hashPrefixes(modelHash, body, from, to);
    if (known === 0) return -1;
    const bound = loadBound(endpoints);
    let chosen = -1;
    // What is not known is ordered by the first block, by which proxies agree that have not seen the same turns.
    let ringHash = this.#prefix(0);
    for (let at = known - 1; at >= 0; at--) {
      const holder = this.#recent.get(this.#prefix(at));
      if (holder === undefined) continue;
      const index = indexOf(endpoints, holder);
      // A holder that is gone has lost its cache; a shorter beginning may have been served elsewhere since.
      if (index === -1) continue;
      if ((endpoints[index]?.outstanding ?? 0) <= bound) chosen = index;
      else ringHash = this.#prefix(at);
      break;
    }
    if (chosen === -1) chosen = firstWithinBound(endpoints, ringHash, bound);
    const endpoint = endpoints[chosen];
    if (endpoint === undefined) return -1;
    for (let at = 0; at < known; at++) this.#recent.set(this.#prefix(at), endpoint.hash);
    return chosen;
  }

  /** Hashes every beginning that the prompt is long enough for; gives their number. */
  #hashPrefixes(modelHash: number, body: Uint8Array, from: number, to: number): number {
    const length = Math.min(to, body.length) - from;
    let running = scatter(modelHash);
    let hashed = 0;
    for (let at = 0; at < prefixBytes.length; at++) {
      const bytes = prefixBytes[at] ?? 0;
      if (bytes > length) return at;
      running = hashOn(running, body, from + hashed, from + bytes);
      hashed = bytes;
      this.#prefixes[at] = hashPair(running, bytes);
    }
    return prefixBytes.length;
  }

  #prefix(at: number): number {
    return this.#prefixes[at] ?? 0;
  }
}

/** Index of the usable endpoint with a hash, or -1. */
function indexOf(endpoints: readonly AffinityEndpoint[], hash: number): number {
  for (let at = 0; at < endpoints.length; at++) {
    const endpoint = endpoints[at];
    if (endpoint?.hash === hash && endpoint.usable) return at;
  }
  return -1;
}
