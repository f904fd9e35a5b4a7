import type { LimitSpec, ModelProxySpec } from "../spec/proxy-schema.ts";
import type { EngineSpec } from "../spec/schema.ts";
import type { RateLimit, RouteModel, RouteServer } from "./routing-table.ts";

/** What the proxy does for requests to a model, as the table says it. */
export function modelPolicies({
  aliases,
  sticky,
  affinity,
  concurrency,
  rate,
  allow,
  stateful,
  pinned,
}: ModelProxySpec): Omit<RouteModel, "name" | "versions"> {
  return {
    ...(aliases ? { aliases: sortedByName(aliases) } : {}),
    ...(sticky ? { sticky: sticky === "caller" ? { by: "caller" } : { by: "header", ...sticky } } : {}),
    ...(affinity
      ? { affinity: affinity === "prefix" ? { by: "prefix" } : { by: "session", ...affinity } }
      : {}),
    ...(concurrency ? { concurrency } : {}),
    ...(rate ? { rate: rateLimit(rate) } : {}),
    ...(allow
      ? {
          allow: {
            ...(allow.users ? { users: allow.users } : {}),
            ...(allow.roles ? { roles: allow.roles } : {}),
          },
        }
      : {}),
    ...(stateful ? { stateful } : {}),
    ...(pinned ? { pinned } : {}),
  };
}

/** Where an engine is, and how its models leave again. */
export function serverPolicies({
  unloading,
  dataPlane,
}: Pick<EngineSpec, "unloading" | "dataPlane">): Pick<RouteServer, "unloading" | "dataPlane"> {
  return {
    ...(unloading
      ? {
          unloading: {
            ...(unloading.idle === undefined ? {} : { idleSeconds: unloading.idle / 1000 }),
            ...(unloading.maxLoaded === undefined ? {} : { maxLoaded: unloading.maxLoaded }),
          },
        }
      : {}),
    ...(dataPlane === undefined ? {} : { dataPlane }),
  };
}

export function rateLimit({ requests, tokens }: LimitSpec): RateLimit {
  return {
    ...(requests === undefined ? {} : { requestsPerMinute: requests }),
    ...(tokens === undefined ? {} : { tokensPerMinute: tokens }),
  };
}

function sortedByName<T>(entries: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(entries).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
