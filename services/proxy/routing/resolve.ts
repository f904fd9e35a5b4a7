import type { RouteServer, RouteTarget, WireProtocol } from "../../../platform/routes/routing-table.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { chooseByWeight, type Random } from "./choose.ts";
import { stickyKeyHash, stickyVersion } from "./sticky-version.ts";
import { latestAlias } from "./version-alias.ts";
import {
  anyModelRoute,
  type IndexedModel,
  type IndexedVersion,
  type Route,
  type RoutingIndex,
} from "./routing-index.ts";

/** What a request says about where it wants to go. */
export interface RouteQuery {
  /** The protocol of the request's path; absent for /predict, which goes to every engine. */
  readonly protocol?: WireProtocol | undefined;
  readonly serverName?: string | undefined;
  readonly serverType?: string | undefined;
  readonly dataPlane?: string | undefined;
  readonly modelName: string;
  /** A version, an alias or `latest`. Absent: chosen by the weights of the versions. */
  readonly version?: string | undefined;
  /** Absent: the least important class that the model is served in. */
  readonly serviceClass?: string | undefined;
  /** Who asks, for models that keep a caller at one version. */
  readonly sender?: RouteSender | undefined;
}

/** What a caller is told from others by. */
export interface RouteSender {
  readonly principal: { readonly caller: string };
  header(name: string): string | undefined;
}

/**
 * Decides where a request goes, without contact to anything.
 *
 * @throws ProxyFailure that says what is not known
 */
export function resolveRoute(index: RoutingIndex, query: RouteQuery, random: Random): Route {
  const indexed = resolveModel(index, query);
  if ("target" in indexed) return indexed;
  if (query.version !== undefined) {
    const version = indexed.versions.get(query.version);
    if (!version) throw new ProxyFailure("VERSION_UNKNOWN");
    return routeOf(version, classOf(index, query.serviceClass, version.leastClass, version.routes), random);
  }
  const serviceClass = classOf(index, query.serviceClass, indexed.leastClass, indexed.versionsOfClass);
  const versions = nonEmpty(indexed.versionsOfClass.get(serviceClass));
  const sticky = versions.length > 1 ? stickyChoice(indexed, versions, query.sender) : undefined;
  return routeOf(sticky ?? chooseByWeight(versions, weightOfVersion, random), serviceClass, random);
}

/** The version that the caller is kept at, where the model does so and the caller can be told from others. */
function stickyChoice(
  { model, hash }: IndexedModel,
  versions: readonly IndexedVersion[],
  sender: RouteSender | undefined,
): IndexedVersion | undefined {
  const { sticky } = model;
  if (!sticky || !sender) return undefined;
  const key = sticky.by === "caller" ? sender.principal.caller : sender.header(sticky.header);
  return key === undefined ? undefined : versions[stickyVersion(versions, stickyKeyHash(hash, key))];
}

function routeOf(version: IndexedVersion, serviceClass: string, random: Random): Route {
  return chooseByWeight(nonEmpty(version.routes.get(serviceClass)), weightOfRoute, random);
}

function weightOfVersion({ weight }: IndexedVersion): number {
  return weight;
}

function weightOfRoute({ target }: Route): number {
  return target.weight ?? target.endpoints.length;
}

function resolveModel(index: RoutingIndex, query: RouteQuery): IndexedModel | Route {
  const { serverName, serverType, modelName } = query;
  if (serverName !== undefined) {
    const server = index.servers.get(serverName);
    if (!server || (query.protocol && server.protocol !== query.protocol)) {
      throw new ProxyFailure("SERVER_UNKNOWN");
    }
    if (query.dataPlane !== undefined && server.dataPlane !== query.dataPlane) {
      throw new ProxyFailure("SERVER_UNKNOWN");
    }
    if (serverType !== undefined && server.type !== serverType) {
      throw new ProxyFailure(
        "PREDICT_ENVELOPE_INVALID",
        `"inference_server_name" and "inference_server_type" disagree.`,
      );
    }
    const model = index.models.get(serverName)?.get(modelName);
    if (model) return model;
    if (!server.anyModel) throw new ProxyFailure("MODEL_UNKNOWN");
    return unlistedRoute(server, server.anyModel, query);
  }
  const holders = index.holders.get(modelName);
  if (holders) {
    for (const holder of holders) {
      if (matches(holder.server, query)) return holder;
    }
  }
  // Without a list of models, a server is found by its type alone.
  let typeKnown = serverType === undefined;
  for (const server of index.servers.values()) {
    if (server.type === serverType) typeKnown = true;
    if (server.anyModel && serverType !== undefined && matches(server, query)) {
      return unlistedRoute(server, server.anyModel, query);
    }
  }
  throw new ProxyFailure(typeKnown ? "MODEL_UNKNOWN" : "SERVER_UNKNOWN");
}

/** A model of the engine's own, by names that no routing table vouches for. */
function unlistedRoute(server: RouteServer, target: RouteTarget, query: RouteQuery): Route {
  const { modelName, serviceClass } = query;
  // Engines take their latest version where none is named, and have no word for it.
  const version = query.version === undefined || query.version === latestAlias ? "" : query.version;
  // The version is also said to the client, in a header.
  if (!isPathSegment(modelName) || !/^(?!\.{1,2}$)[\x20-\x7e]*$/.test(version)) {
    throw new ProxyFailure(
      "REQUEST_INVALID",
      "The name of the model or its version cannot be part of a path.",
    );
  }
  const asked = serviceClass ?? target.serviceClasses.at(-1);
  if (asked === undefined || !target.serviceClasses.includes(asked)) {
    throw new ProxyFailure(
      "SERVICE_CLASS_UNKNOWN",
      `The model is served in the classes ${target.serviceClasses.join(", ")}.`,
    );
  }
  return anyModelRoute(server, target, modelName, version, asked);
}

/** Whether a text stays one segment of a path to an engine once it is encoded. */
function isPathSegment(text: string): boolean {
  // An engine takes `..` for the segment above, encoded or not; a lone surrogate has no encoding.
  return /^(?!\.{1,2}$)[^\0-\x1f\x7f]+$/.test(text) && text.isWellFormed();
}

function matches(server: IndexedModel["server"], { serverType, protocol, dataPlane }: RouteQuery): boolean {
  return (
    (serverType === undefined || server.type === serverType) &&
    (protocol === undefined || server.protocol === protocol) &&
    (dataPlane === undefined || server.dataPlane === dataPlane)
  );
}

function classOf(
  index: RoutingIndex,
  asked: string | undefined,
  least: string | undefined,
  served: ReadonlyMap<string, unknown>,
): string {
  if (least === undefined) throw new ProxyFailure("NO_ENDPOINT");
  if (asked === undefined || served.has(asked)) return asked ?? least;
  const names = index.serviceClasses.filter((name) => served.has(name));
  throw new ProxyFailure("SERVICE_CLASS_UNKNOWN", `The model is served in the classes ${names.join(", ")}.`);
}

function nonEmpty<T>(items: readonly T[] | undefined): readonly [T, ...T[]] {
  if (!items || items.length === 0) throw new ProxyFailure("NO_ENDPOINT");
  return items as readonly [T, ...T[]];
}
