import type { RouteModel, RouteServer, RoutingTable } from "../../../platform/routes/routing-table.ts";

/** The routing table as read from a file. */
export interface LoadedRoutingTable extends Omit<RoutingTable, "serviceClasses"> {
  /** All service classes, most important first. Without it the order is taken from the lists of the targets. */
  readonly serviceClasses?: readonly string[];
}

/** The routing table arranged for lookups; immutable, replaced as a whole on reload. */
export interface RoutingIndex {
  readonly servers: ReadonlyMap<string, RouteServer>;
  /** Servers that hold a model, in the order of preference: preloaded ones first, then by name. */
  readonly serversOfModel: ReadonlyMap<string, readonly RouteServer[]>;
  /** All service classes, most important first. */
  readonly serviceClasses: readonly string[];
  readonly endpoints: ReadonlySet<string>;
  /** The longest deadline of a target, in ms. */
  readonly longestTimeoutMs: number;
}

export function indexRoutes(table: LoadedRoutingTable): RoutingIndex {
  const preferred = table.servers.toSorted(
    (left, right) =>
      Number(left.loading === "on-demand") - Number(right.loading === "on-demand") ||
      (left.name < right.name ? -1 : 1),
  );
  const targets = table.servers.flatMap((server) =>
    server.models.flatMap((model) => model.versions.flatMap((version) => version.targets)),
  );
  return {
    servers: new Map(table.servers.map((server) => [server.name, server])),
    serversOfModel: serversOfModel(preferred),
    serviceClasses: table.serviceClasses ?? importanceOrder(targets.map((target) => target.serviceClasses)),
    endpoints: new Set(targets.flatMap((target) => target.endpoints)),
    longestTimeoutMs: targets.reduce((longest, target) => Math.max(longest, target.timeoutMs), 0),
  };
}

function serversOfModel(preferred: readonly RouteServer[]): ReadonlyMap<string, readonly RouteServer[]> {
  const held = new Map<string, RouteServer[]>();
  for (const server of preferred) {
    for (const { name } of server.models) held.set(name, [...(held.get(name) ?? []), server]);
  }
  return held;
}

export function modelOf(server: RouteServer, name: string): RouteModel | undefined {
  return server.models.find((model) => model.name === name);
}

/**
 * One order, most important first, that agrees with every list. Where the lists leave two classes open, the name
 * decides: the alphabetically first is taken as less important.
 */
export function importanceOrder(lists: readonly (readonly string[])[]): readonly string[] {
  const below = new Map<string, Set<string>>();
  for (const list of lists) {
    list.forEach((name, place) => {
      const known = below.get(name) ?? new Set();
      list.slice(place + 1).forEach((lower) => known.add(lower));
      below.set(name, known);
    });
  }
  const order: string[] = [];
  const open = [...below.keys()].toSorted();
  while (open.length > 0) {
    // The least important is one that nothing open is below; lists that contradict each other fall back to the name.
    const next = open.findIndex(
      (name) => !open.some((other) => other !== name && below.get(name)?.has(other)),
    );
    order.unshift(...open.splice(Math.max(next, 0), 1));
  }
  return order;
}
