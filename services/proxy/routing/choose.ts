/** A number in [0, 1); injected so that tests and replays are exact. */
export type Random = () => number;

/**
 * Chooses an item with probability proportional to its weight. Items of weight 0 are chosen only when all are 0, then
 * evenly: a model whose only version for a service class has weight 0 still answers.
 */
export function chooseByWeight<T>(
  items: readonly [T, ...T[]],
  weightOf: (item: T) => number,
  random: Random,
): T {
  if (items.length === 1) return items[0];
  const total = items.reduce((sum, item) => sum + weightOf(item), 0);
  if (total === 0) return items[Math.floor(random() * items.length)] ?? items[0];
  let left = random() * total;
  for (const item of items) {
    left -= weightOf(item);
    if (left < 0) return item;
  }
  return items.findLast((item) => weightOf(item) > 0) ?? items[0];
}

/** What endpoint choice looks at. */
export interface EndpointLoad {
  /** Requests sent and not yet answered completely. */
  readonly outstanding: number;
  /** Whether requests should come here. */
  readonly usable: boolean;
}

/**
 * The endpoint with the fewest outstanding requests: of all when there are one or two, else of two drawn at random,
 * which balances almost as well and keeps many proxies from sending to the same one at once. Ties are drawn, so that
 * a quiet model uses all its replicas. Unusable ones come last; undefined where there is none at all.
 */
export function chooseEndpoint<T extends EndpointLoad>(
  endpoints: readonly T[],
  random: Random,
): T | undefined {
  if (endpoints.length <= 1) return endpoints[0];
  const usable = endpoints.every((endpoint) => endpoint.usable)
    ? endpoints
    : endpoints.filter((endpoint) => endpoint.usable);
  const open = usable.length === 0 ? endpoints : usable;
  const first = Math.floor(random() * open.length);
  const left = open[first];
  if (open.length === 1) return left;
  const right = open[(first + 1 + Math.floor(random() * (open.length - 1))) % open.length];
  return left && right && right.outstanding < left.outstanding ? right : left;
}
