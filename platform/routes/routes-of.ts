import { engineProfiles } from "../engines/registry.ts";
import type { GroupModel, PlatformPlan, ReplicaGroupPlan } from "../plan/platform-plan.ts";
import type { RouteModel, RouteServer, RouteTarget, RouteVersion, RoutingTable } from "./routing-table.ts";

/** Base URLs of a group's replicas: one Service in a cluster, one address per emulated replica locally. */
export type EndpointsOf = (group: ReplicaGroupPlan) => readonly string[];

/** Inside a cluster the group's Service, or that of the frontends before it. */
export const serviceEndpoints: EndpointsOf = (group) => {
  const { ports, frontend } = engineProfiles[group.engineType];
  const { service, port } = frontend?.(group) ?? { service: group.name, port: ports.http };
  return [`http://${service}.${group.namespace}.svc.cluster.local:${port}`];
};

/** The routing table of planned engines; engines without a placed group are left out. */
export function routesOf(
  { engines, groups, servers: planned }: Pick<PlatformPlan, "engines" | "groups" | "servers">,
  endpointsOf: EndpointsOf,
): RoutingTable {
  const servers = engines.flatMap((engine): RouteServer[] => {
    // A request reaches both pools of a disaggregated model through one door; the pool that answers stands for it.
    const own = groups.filter((group) => group.engine === engine.name && group.role !== "prefill");
    if (own.length === 0) return [];
    return [
      {
        name: engine.name,
        type: engine.type,
        protocol: engine.protocol,
        loading: engine.loading,
        models: modelsOf(own, endpointsOf),
      },
    ];
  });
  return {
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    serviceClasses: [
      ...new Set(
        planned
          .toSorted((left, right) => left.priority - right.priority)
          .map((server) => server.serviceClass),
      ),
    ],
    servers: servers.toSorted(byKey((server) => server.name)),
  };
}

function modelsOf(groups: readonly ReplicaGroupPlan[], endpointsOf: EndpointsOf): RouteModel[] {
  const names = new Set(groups.flatMap((group) => group.models.flatMap(namesOf)));
  return [...names].toSorted().map((name) => ({ name, versions: versionsOf(name, groups, endpointsOf) }));
}

/** A model's own name, and those of its adapters and aliases: to a client they are models like others. */
function namesOf({ name, otherNames = [] }: GroupModel): readonly string[] {
  return [name, ...otherNames];
}

function versionsOf(
  name: string,
  groups: readonly ReplicaGroupPlan[],
  endpointsOf: EndpointsOf,
): RouteVersion[] {
  const versions = new Map<string, { weight: number; targets: RouteTarget[] }>();
  for (const group of groups) {
    for (const { version, weight } of group.models.find((model) => namesOf(model).includes(name))?.versions ??
      []) {
      const known = versions.get(version) ?? { weight, targets: [] };
      known.targets.push({
        group: group.name,
        serviceClasses: group.serviceClasses,
        endpoints: endpointsOf(group),
        ...(group.share === undefined ? {} : { weight: group.share }),
        timeoutMs: engineProfiles[group.engineType].drain.requestSeconds * 1000,
      });
      versions.set(version, known);
    }
  }
  return [...versions.entries()]
    .map(([version, { weight, targets }]) => ({
      version,
      weight,
      targets: targets.toSorted(byKey((target) => target.group)),
    }))
    .toSorted(byKey((entry) => entry.version));
}

/** Keys are unique in each list, so no two entries are equal. */
function byKey<T>(key: (item: T) => string): (left: T, right: T) => number {
  return (left, right) => (key(left) < key(right) ? -1 : 1);
}
