import type {
  RouteModel,
  RouteServer,
  RouteTarget,
  RouteVersion,
  RoutingTable,
} from "../../../platform/routes/routing-table.ts";
import { hashText } from "./hash.ts";
import { versionHash } from "./sticky-version.ts";
import { versionNamed } from "./version-alias.ts";

/** The routing table as read from a file. */
export interface LoadedRoutingTable extends Omit<RoutingTable, "serviceClasses"> {
  /** All service classes, most important first. Without it the order is taken from the lists of the targets. */
  readonly serviceClasses?: readonly string[];
}

/** Where a request goes: everything but the endpoint, which depends on load. Made once, when the table is loaded. */
export interface Route {
  readonly server: RouteServer;
  readonly model: RouteModel;
  /** Empty where the engine decides, as it alone knows its models. */
  readonly version: string;
  readonly serviceClass: string;
  /** Place of the class among all, 0 for the most important. */
  readonly priority: number;
  readonly target: RouteTarget;
  /** Path of the model and version in the Open Inference Protocol, such as `/v2/models/bert/versions/3`. */
  readonly modelPath: string;
  /** What a native answer says of who answered: names and values of headers in turn. */
  readonly answerHeaders: readonly string[];
  /** Names of the routing table, for metrics and logs. */
  readonly labels: RouteLabels;
}

/** The labels of a metric: names of the routing table, so that clients cannot create new series. */
export interface RouteLabels {
  readonly server: string;
  readonly model: string;
  readonly version: string;
  readonly service_class: string;
}

/** A version of a model with its routes. */
export interface IndexedVersion {
  /** Of its name. */
  readonly hash: number;
  readonly weight: number;
  /** Routes to running replicas, by service class. */
  readonly routes: ReadonlyMap<string, readonly Route[]>;
  /** What a request gets that names no class: the least important one. Undefined where nothing runs. */
  readonly leastClass: string | undefined;
}

export interface IndexedModel {
  readonly server: RouteServer;
  readonly model: RouteModel;
  /** Of its name. */
  readonly hash: number;
  /** By version and by alias. */
  readonly versions: ReadonlyMap<string, IndexedVersion>;
  /** Versions that run in a class, for requests that name none. */
  readonly versionsOfClass: ReadonlyMap<string, readonly IndexedVersion[]>;
  readonly leastClass: string | undefined;
}

/** The routing table arranged for lookups; immutable, replaced as a whole on reload. */
export interface RoutingIndex {
  readonly servers: ReadonlyMap<string, RouteServer>;
  /** By server, then by model. */
  readonly models: ReadonlyMap<string, ReadonlyMap<string, IndexedModel>>;
  /** Those who hold a model, in the order of preference: preloaded ones first, then by name. */
  readonly holders: ReadonlyMap<string, readonly IndexedModel[]>;
  /** All service classes, most important first. */
  readonly serviceClasses: readonly string[];
  readonly targets: readonly RouteTarget[];
  readonly callerRate: RoutingTable["callerRate"];
  readonly keyRate: RoutingTable["keyRate"];
  /** The longest deadline of a target, in ms. */
  readonly longestTimeoutMs: number;
}

export function indexRoutes(table: LoadedRoutingTable): RoutingIndex {
  const preferred = table.servers.toSorted(
    (left, right) =>
      Number(left.loading === "on-demand") - Number(right.loading === "on-demand") ||
      (left.name < right.name ? -1 : 1),
  );
  const targets = table.servers.flatMap((server) => [
    ...server.models.flatMap((model) => model.versions.flatMap((version) => version.targets)),
    ...(server.anyModel ? [server.anyModel] : []),
  ]);
  const serviceClasses =
    table.serviceClasses ?? importanceOrder(targets.map((target) => target.serviceClasses));
  const models = new Map(
    preferred.map((server) => [
      server.name,
      new Map(server.models.map((model) => [model.name, indexModel(server, model, serviceClasses)])),
    ]),
  );
  const holders = new Map<string, IndexedModel[]>();
  for (const held of models.values()) {
    for (const [name, model] of held) holders.set(name, [...(holders.get(name) ?? []), model]);
  }
  return {
    servers: new Map(table.servers.map((server) => [server.name, server])),
    models,
    holders,
    serviceClasses,
    targets,
    callerRate: table.callerRate,
    keyRate: table.keyRate,
    longestTimeoutMs: targets.reduce((longest, target) => Math.max(longest, target.timeoutMs), 0),
  };
}

function indexModel(server: RouteServer, model: RouteModel, serviceClasses: readonly string[]): IndexedModel {
  const indexed = new Map(
    model.versions.map((version) => [version.version, indexVersion(server, model, version, serviceClasses)]),
  );
  const versionsOfClass = new Map<string, IndexedVersion[]>();
  for (const version of indexed.values()) {
    for (const name of version.routes.keys()) {
      versionsOfClass.set(name, [...(versionsOfClass.get(name) ?? []), version]);
    }
  }
  const versions = new Map(
    [...versionNamed(model)].flatMap(([name, { version }]) => {
      const meant = indexed.get(version);
      return meant ? [[name, meant] as const] : [];
    }),
  );
  return {
    server,
    model,
    hash: hashText(model.name),
    versions,
    versionsOfClass,
    leastClass: serviceClasses.findLast((name) => versionsOfClass.has(name)),
  };
}

function indexVersion(
  server: RouteServer,
  model: RouteModel,
  { version, weight, targets }: RouteVersion,
  serviceClasses: readonly string[],
): IndexedVersion {
  const routes = new Map<string, Route[]>();
  for (const target of targets) {
    if (target.endpoints.length === 0) continue;
    for (const serviceClass of target.serviceClasses) {
      const route: Route = {
        server,
        model,
        version,
        serviceClass,
        priority: serviceClasses.indexOf(serviceClass),
        target,
        modelPath: modelPathOf(model.name, version),
        answerHeaders: answerHeadersOf(server.name, version),
        labels: { server: server.name, model: model.name, version, service_class: serviceClass },
      };
      routes.set(serviceClass, [...(routes.get(serviceClass) ?? []), route]);
    }
  }
  return {
    hash: versionHash(version),
    weight,
    routes,
    leastClass: serviceClasses.findLast((name) => routes.has(name)),
  };
}

/** A route to a model that only the engine knows; metrics show all of them as `*`. */
export function anyModelRoute(
  server: RouteServer,
  target: RouteTarget,
  modelName: string,
  version: string,
  serviceClass: string,
): Route {
  return {
    server,
    model: { name: modelName, versions: [] },
    version,
    serviceClass,
    priority: 0,
    target,
    modelPath: modelPathOf(modelName, version),
    answerHeaders: answerHeadersOf(server.name, version),
    labels: { server: server.name, model: "*", version: "*", service_class: serviceClass },
  };
}

/** Made of names of the routing table, or encoded: a client's path could point elsewhere. */
function modelPathOf(model: string, version: string): string {
  const versions = version === "" ? "" : `/versions/${encodeURIComponent(version)}`;
  return `/v2/models/${encodeURIComponent(model)}${versions}`;
}

/** Where the engine alone knows its versions, nothing is said of them. */
function answerHeadersOf(server: string, version: string): readonly string[] {
  return [
    ...["x-inference-server", headerText(server)],
    ...(version === "" ? [] : ["x-model-version", headerText(version)]),
  ];
}

/** Headers hold nothing but ASCII; other names are percent-encoded. */
function headerText(name: string): string {
  return /^[\x21-\x7e]*$/.test(name) ? name : encodeURIComponent(name);
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
