import { mayUse } from "./auth/allow-list.ts";
import type { Authenticator } from "./auth/authenticator.ts";
import type { Principal } from "./auth/principal.ts";
import type { EndpointLease, GrpcServices } from "./grpc/grpc-services.ts";
import { repositoryStates } from "./handlers/repository-index.ts";
import type { ProxyServices } from "./handlers/services.ts";
import { resolveRoute } from "./routing/resolve.ts";
import type { Route } from "./routing/routing-index.ts";
import type { Endpoint } from "./upstream/endpoint.ts";

/** A status that counts for metrics as HTTP's does. */
const okStatus = 200;

/** What gRPC calls are served with: the same routes, limits, endpoints and measures as requests of HTTP. */
export function grpcServices(services: ProxyServices, authenticator: Authenticator): GrpcServices {
  const { admission, metrics, upstream } = services;
  return {
    authenticate: (headers) =>
      authenticator.authenticate({
        header: (name) => (headers as Readonly<Record<string, string | undefined>>)[name],
        // Of a call only its metadata are known: who has nothing but a client certificate is refused.
        socket: undefined,
      }),
    route: (query, principal) => {
      const caller = principal as Principal;
      const sender = { principal: caller, header: () => undefined };
      const route = resolveRoute(services.routes(), { ...query, sender }, services.random);
      admission.count(route, caller, performance.now());
      const meter = metrics.meterOf(route);
      meter.arrived++;
      meter.inFlight++;
      return route;
    },
    admit: (asked, _principal, deadlineMs) => {
      const gate = admission.gateOf(asked as Route);
      if (!gate) return { release: () => {} };
      const permit = { release: () => gate.leave() };
      const waiting = admission.enter(gate, asked as Route, deadlineMs);
      return waiting ? waiting.promise.then(() => permit) : permit;
    },
    choose: (asked, tried, deadlineMs) => {
      const route = asked as Route;
      const known = upstream.endpoints.of(route.target);
      const before = known.filter(({ url }) => tried.has(url));
      if (before.length === known.length) return undefined;
      const keys = { prompt: undefined, header: () => undefined };
      const endpoint = upstream.endpoints.choose(route, keys, before);
      if (route.server.loading !== "on-demand") return leaseOf(endpoint, () => {});
      const { loader } = upstream;
      const lease = (): EndpointLease => leaseOf(endpoint, () => loader.release(endpoint, route));
      const loading = loader.ensureLoaded(endpoint, route, deadlineMs);
      return loading ? loading.then(lease) : lease();
    },
    models: (principal) => repositoryStates(services, (model) => mayUse(principal as Principal, model.allow)),
    ready: services.ready,
    ended: ({ route, httpStatus, arrivedAtMs }) => {
      const meter = metrics.meterOf(route as Route | undefined);
      if (route) meter.inFlight--;
      meter.end(httpStatus, (performance.now() - arrivedAtMs) / 1000);
    },
  };
}

function leaseOf(endpoint: Endpoint, released: () => void): EndpointLease {
  endpoint.outstanding++;
  return {
    url: endpoint.url,
    release: (outcome) => {
      endpoint.outstanding--;
      released();
      if (outcome === "answered") endpoint.answered(okStatus);
      else if (outcome !== "cancelled") endpoint.failed();
    },
  };
}
