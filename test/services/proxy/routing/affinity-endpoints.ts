import { endpointHash, type AffinityEndpoint } from "../../../../services/proxy/routing/bounded-load.ts";

/** An endpoint whose load and health a test changes. */
export type MutableEndpoint = { -readonly [Field in keyof AffinityEndpoint]: AffinityEndpoint[Field] };

/** Idle, usable endpoints at addresses that differ in their last parts. */
export function idleEndpoints(count: number): MutableEndpoint[] {
  return Array.from({ length: count }, (_, at) => {
    const url = `http://10.0.${at >> 8}.${at & 255}:8000`;
    return { url, hash: endpointHash(url), outstanding: 0, usable: true };
  });
}

/** Numbers in [0, 1) from a seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
