import { hashPair, hashText } from "./hash.ts";

/** An endpoint as the choices by affinity see it. */
export interface AffinityEndpoint {
  readonly url: string;
  /** `endpointHash` of the URL. */
  readonly hash: number;
  /** Requests sent and not yet answered completely. */
  readonly outstanding: number;
  /** Healthy, not drained, and not tried before for this request. */
  readonly usable: boolean;
}

export function endpointHash(url: string): number {
  return hashText(url);
}

/**
 * How far above the mean load affinity may push an endpoint. A quarter more costs little queueing, and with it a key
 * stays at its endpoint as long as requests are spread at all.
 */
const loadFactor = 1.25;

/** Lets two requests meet at one endpoint while hardly anything runs, when a factor of the mean is below one request. */
const loadSlack = 1;

/**
 * Most outstanding requests with which a usable endpoint still takes one for the sake of affinity. Never below the
 * mean, so at least one endpoint is within it.
 */
export function loadBound(endpoints: readonly AffinityEndpoint[]): number {
  let total = 0;
  let usable = 0;
  for (let at = 0; at < endpoints.length; at++) {
    const endpoint = endpoints[at];
    if (endpoint === undefined || !endpoint.usable) continue;
    total += endpoint.outstanding;
    usable++;
  }
  return usable === 0 ? 0 : (loadFactor * total) / usable + loadSlack;
}

/**
 * Index of the first endpoint in the key's rendezvous order that is usable and within the bound, -1 where none is
 * usable. Each endpoint that comes or goes moves only the keys that it wins or held.
 */
export function firstWithinBound(
  endpoints: readonly AffinityEndpoint[],
  keyHash: number,
  bound: number,
): number {
  let chosen = -1;
  let highest = -1;
  for (let at = 0; at < endpoints.length; at++) {
    const endpoint = endpoints[at];
    if (endpoint === undefined || !endpoint.usable || endpoint.outstanding > bound) continue;
    const score = hashPair(keyHash, endpoint.hash);
    if (score > highest) {
      highest = score;
      chosen = at;
    }
  }
  return chosen;
}
