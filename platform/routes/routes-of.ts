import { engineProfiles } from "../engines/registry.ts";
import type { EnginePlan, GroupModel, PlatformPlan, ReplicaGroupPlan } from "../plan/platform-plan.ts";
import type { PlatformSpec } from "../spec/schema.ts";
import { modelPolicies, rateLimit, serverPolicies } from "./route-policies.ts";
import type { RouteModel, RouteServer, RouteTarget, RouteVersion, RoutingTable } from "./routing-table.ts";

/** The routing table of planned engines in a cluster; engines without a placed group are left out. */
export function routesOf(
  { engines, groups, servers: planned }: Pick<PlatformPlan, "engines" | "groups" | "servers">,
  spec: Pick<PlatformSpec, "engines" | "proxy">,
): RoutingTable {
  const servers = engines.flatMap((engine): RouteServer[] => {
    // A request reaches both pools of a disaggregated model through one door; the pool that answers stands for it.
    const own = groups.filter((group) => group.engine === engine.name && group.role !== "prefill");
    if (own.length === 0) return [];
    const said = spec.engines.find(({ name }) => name === engine.name);
    return [
      {
        name: engine.name,
        type: engine.type,
        protocol: engine.protocol,
        loading: engine.loading,
        ...serverPolicies(said ?? {}),
        models: modelsOf(engine, own, new Map(said?.models.map(({ name, proxy = {} }) => [name, proxy]))),
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
    ...(spec.proxy?.callerRate ? { callerRate: rateLimit(spec.proxy.callerRate) } : {}),
    ...(spec.proxy?.keyRate ? { keyRate: rateLimit(spec.proxy.keyRate) } : {}),
    servers: servers.toSorted(byKey((server) => server.name)),
  };
}

/**
 * The same table with other addresses: those of emulated replicas on this machine, which speak HTTP only and need
 * nothing to be found by.
 *
 * @param endpointsOf base URLs of a group's replicas, by the group's name
 */
export function routesAt(
  routes: RoutingTable,
  endpointsOf: (group: string) => readonly string[],
): RoutingTable {
  const moved = ({ discovery: _, grpcPort: __, ...target }: RouteTarget): RouteTarget => ({
    ...target,
    endpoints: endpointsOf(target.group),
  });
  return {
    ...routes,
    servers: routes.servers.map((server) => ({
      ...server,
      models: server.models.map((model) => ({
        ...model,
        versions: model.versions.map((version) => ({ ...version, targets: version.targets.map(moved) })),
      })),
    })),
  };
}

type ProxyPolicies = NonNullable<PlatformSpec["engines"][number]["models"][number]["proxy"]>;

function modelsOf(
  engine: EnginePlan,
  groups: readonly ReplicaGroupPlan[],
  policies: ReadonlyMap<string, ProxyPolicies>,
): RouteModel[] {
  // Adapters and aliases are models like others to a client; what is said of the model holds for each of its names.
  const owners = new Map(
    groups.flatMap((group) =>
      group.models.flatMap((model) => namesOf(model).map((name) => [name, model.name] as const)),
    ),
  );
  return [...owners]
    .map(([name, owner]) => ({
      name,
      versions: versionsOf(name, engine, groups),
      ...modelPolicies(policies.get(owner) ?? {}),
    }))
    .toSorted(byKey((model) => model.name));
}

/** A model's own name, and those of its adapters and aliases. */
function namesOf({ name, otherNames = [] }: GroupModel): readonly string[] {
  return [name, ...otherNames];
}

function versionsOf(name: string, engine: EnginePlan, groups: readonly ReplicaGroupPlan[]): RouteVersion[] {
  const versions = new Map<string, { weight: number; targets: RouteTarget[] }>();
  for (const group of groups) {
    for (const { version, weight } of group.models.find((model) => namesOf(model).includes(name))?.versions ??
      []) {
      const known = versions.get(version) ?? { weight, targets: [] };
      known.targets.push(targetOf(engine, group));
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

/**
 * The group's Service, or that of the frontends before it, and the pods behind it. Not the Service itself: it picks a
 * pod for each connection, and one connection carries requests of very different lengths, so that a replica would be
 * full while others idle. Nor its name in DNS, which lists pods of headless Services only and lags behind their end.
 */
function targetOf(engine: EnginePlan, group: ReplicaGroupPlan): RouteTarget {
  const { ports, frontend, probes, drain } = engineProfiles[group.engineType];
  const door = frontend?.(group);
  const { service, port } = door ?? { service: group.name, port: ports.http };
  return {
    group: group.name,
    serviceClasses: group.serviceClasses,
    endpoints: [`http://${service}.${group.namespace}.svc.cluster.local:${port}`],
    discovery: "endpoint-slices",
    ...(door || ports.grpc === undefined ? {} : { grpcPort: ports.grpc }),
    healthPath: probes(engine).readiness,
    ...(group.share === undefined ? {} : { weight: group.share }),
    timeoutMs: drain.requestSeconds * 1000,
  };
}

/** Keys are unique in each list, so no two entries are equal. */
function byKey<T>(key: (item: T) => string): (left: T, right: T) => number {
  return (left, right) => (key(left) < key(right) ? -1 : 1);
}
