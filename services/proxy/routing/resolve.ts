import type {
  RouteModel,
  RouteServer,
  RouteTarget,
  RouteVersion,
  WireProtocol,
} from "../../../platform/routes/routing-table.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { chooseByWeight, type Random } from "./choose.ts";
import { modelOf, type RoutingIndex } from "./routing-index.ts";

/** What a request says about where it wants to go. */
export interface RouteQuery {
  /** The protocol of the request's path; absent for /predict, which goes to every engine. */
  readonly protocol?: WireProtocol;
  readonly serverName?: string | undefined;
  readonly serverType?: string | undefined;
  readonly modelName: string;
  /** Absent: chosen by the weights of the versions. */
  readonly version?: string | undefined;
  /** Absent: the least important class that the model is served in. */
  readonly serviceClass?: string | undefined;
}

/** Where a request goes: everything but the endpoint, which depends on load. */
export interface Route {
  readonly server: RouteServer;
  readonly model: RouteModel;
  readonly version: string;
  readonly serviceClass: string;
  readonly target: RouteTarget;
}

/** Decides where a request goes, without contact to anything. Throws a `ProxyFailure` that says what is not known. */
export function resolveRoute(index: RoutingIndex, query: RouteQuery, random: Random): Route {
  const server = resolveServer(index, query);
  const model = modelOf(server, query.modelName);
  if (!model) throw new ProxyFailure("MODEL_UNKNOWN");
  const versions = versionsAsked(model, query.version);
  const serviceClass = resolveClass(index, versions, query.serviceClass);
  const candidates = versions.flatMap((version) =>
    version.targets
      .filter((target) => target.serviceClasses.includes(serviceClass) && target.endpoints.length > 0)
      .map((target) => ({ version, target })),
  );
  const running = versions.filter((version) => candidates.some((candidate) => candidate.version === version));
  const version = chooseByWeight(nonEmpty(running), (entry) => entry.weight, random);
  const targets = candidates.filter((candidate) => candidate.version === version).map(({ target }) => target);
  const target = chooseByWeight(
    nonEmpty(targets),
    ({ weight, endpoints }) => weight ?? endpoints.length,
    random,
  );
  return { server, model, version: version.version, serviceClass, target };
}

function resolveServer(index: RoutingIndex, query: RouteQuery): RouteServer {
  if (query.serverName !== undefined) {
    const server = index.servers.get(query.serverName);
    if (!server || (query.protocol && server.protocol !== query.protocol))
      throw new ProxyFailure("SERVER_UNKNOWN");
    if (query.serverType !== undefined && server.type !== query.serverType) {
      throw new ProxyFailure(
        "PREDICT_ENVELOPE_INVALID",
        `"inference_server_name" and "inference_server_type" disagree.`,
      );
    }
    return server;
  }
  const { serverType, protocol } = query;
  if (serverType !== undefined && ![...index.servers.values()].some((server) => server.type === serverType)) {
    throw new ProxyFailure("SERVER_UNKNOWN");
  }
  const server = index.serversOfModel
    .get(query.modelName)
    ?.find(
      (holder) =>
        (serverType === undefined || holder.type === serverType) &&
        (protocol === undefined || holder.protocol === protocol),
    );
  if (!server) throw new ProxyFailure("MODEL_UNKNOWN");
  return server;
}

function versionsAsked(model: RouteModel, version: string | undefined): readonly RouteVersion[] {
  if (version === undefined) return model.versions;
  const versions = model.versions.filter((entry) => entry.version === version);
  if (versions.length === 0) throw new ProxyFailure("VERSION_UNKNOWN");
  return versions;
}

function resolveClass(
  index: RoutingIndex,
  versions: readonly RouteVersion[],
  asked: string | undefined,
): string {
  const served = new Set(
    versions.flatMap((version) => version.targets.flatMap((target) => target.serviceClasses)),
  );
  if (asked === undefined) {
    const least = index.serviceClasses.findLast((name) => served.has(name));
    if (least === undefined) throw new ProxyFailure("NO_ENDPOINT");
    return least;
  }
  if (!served.has(asked)) {
    const names = index.serviceClasses.filter((name) => served.has(name));
    throw new ProxyFailure(
      "SERVICE_CLASS_UNKNOWN",
      `The model is served in the classes ${names.join(", ")}.`,
    );
  }
  return asked;
}

function nonEmpty<T>(items: readonly T[]): readonly [T, ...T[]] {
  if (items.length === 0) throw new ProxyFailure("NO_ENDPOINT");
  return items as readonly [T, ...T[]];
}
