import type { ConcurrencyGate, Waiting } from "./admission/concurrency-gate.ts";
import { mayUse } from "./auth/allow-list.ts";
import type { Authenticator } from "./auth/authenticator.ts";
import type { ClientCertificate, TlsPeer } from "./auth/certificate-principal.ts";
import { anonymous, type Principal } from "./auth/principal.ts";
import type {
  ArrivedCall,
  EndedCall,
  EndpointLease,
  GrpcRouteQuery,
  GrpcServices,
  ModelState,
  ServedCall,
  TokenTimes,
} from "./grpc/grpc-services.ts";
import { repositoryStates } from "./handlers/repository-index.ts";
import type { ProxyServices } from "./handlers/services.ts";
import type { RouteMeter } from "./measures/route-meter.ts";
import { ProxyFailure } from "./proxy-failure.ts";
import { resolveRoute } from "./routing/resolve.ts";
import type { Route } from "./routing/routing-index.ts";
import type { RequestSpan } from "./tracing/tracing.ts";
import type { Endpoint } from "./upstream/endpoint.ts";

/** A status that counts for an endpoint as HTTP's does. */
const okStatus = 200;

/** Endpoints that one call is sent to, at most. */
const maxAttempts = 3;

/** What gRPC calls are served with: the same routes, limits, endpoints and measures as requests of HTTP. */
export function grpcServices(services: ProxyServices, authenticator: Authenticator): GrpcServices {
  return {
    begin: (call) => new BridgedCall(services, authenticator, call),
    ready: services.ready,
  };
}

/** Messages hold tensors, of which nobody counts tokens. */
const uncountedTokens = { inputTokens: 0, outputTokens: 0 };

/** One call in the parts of the proxy that requests of HTTP go through. */
class BridgedCall implements ServedCall {
  readonly trace: RequestSpan | undefined;
  readonly #services: ProxyServices;
  readonly #authenticator: Authenticator;
  readonly #call: ArrivedCall;
  #principal: Principal = anonymous;
  /** Known also of a call that may not take it. */
  #route: Route | undefined;
  /** Counts the call as in flight; undefined where it is not. */
  #meter: RouteMeter | undefined;
  #waiting: Waiting | undefined;
  /** Where the call took a place that it has to give back. */
  #gate: ConcurrencyGate | undefined;
  /** When the call asked for its turn, on the clock of `performance.now()`; 0 before. */
  #askedAtMs = 0;
  /** When the call got its turn, on the clock of `performance.now()`; 0 before. */
  #turnAtMs = 0;
  #tried: readonly Endpoint[] = [];
  #retries = 0;
  #ended = false;

  constructor(services: ProxyServices, authenticator: Authenticator, call: ArrivedCall) {
    this.#services = services;
    this.#authenticator = authenticator;
    this.#call = call;
    if (!services.tracing || !call.infers) return;
    this.trace = services.tracing.begin({
      // The method of every call in HTTP/2.
      method: "POST",
      route: call.path,
      path: call.path,
      traceparent: call.firstHeader("traceparent"),
      tracestate: call.firstHeader("tracestate"),
      arrivedAtMs: call.arrivedAtMs,
    });
  }

  authenticate(): Promise<void> | undefined {
    const call = this.#call;
    const found = this.#authenticator.authenticate({
      header: (name) => call.header(name),
      // Read only where a certificate decides: the library puts it together anew for every call.
      get socket() {
        return verifiedPeer(call.clientCertificate());
      },
    });
    if (found instanceof Promise) {
      return found.then((principal) => {
        this.#principal = principal;
      });
    }
    this.#principal = found;
    return undefined;
  }

  route(query: GrpcRouteQuery): Route {
    // Its message came after its end: nobody would count it out again.
    if (this.#ended) throw new ProxyFailure("CLIENT_CLOSED");
    const { routes, random, metrics, admission } = this.#services;
    const principal = this.#principal;
    const sender = { principal, header: (name: string) => this.#call.header(name) };
    const route = resolveRoute(routes(), { ...query, sender }, random);
    this.#route = route;
    if (!this.#call.infers) {
      if (!mayUse(principal, route.model.allow)) throw new ProxyFailure("NOT_ALLOWED");
      return route;
    }
    const meter = metrics.meterOf(route);
    meter.arrived++;
    admission.count(route, principal, performance.now());
    this.#meter = meter;
    meter.inFlight++;
    return route;
  }

  tokenTimes(): TokenTimes {
    return this.#services.metrics.meterOf(this.#route);
  }

  admit(deadlineMs: number): Promise<void> | undefined {
    const route = this.#routed();
    this.#askedAtMs = performance.now();
    const { admission } = this.#services;
    const gate = this.#call.infers ? admission.gateOf(route) : undefined;
    if (gate) {
      const waiting = admission.enter(gate, route, deadlineMs);
      if (waiting) return this.#waitInLine(gate, waiting);
      this.#gate = gate;
    }
    this.#turnAtMs = this.#askedAtMs;
    return undefined;
  }

  choose(deadlineMs: number): EndpointLease | Promise<EndpointLease | undefined> | undefined {
    const route = this.#routed();
    const { endpoints, loader } = this.#services.upstream;
    if (!this.#mayTry(route)) return undefined;
    const onDemand = this.#loads(route);
    const keys = { prompt: undefined, header: (name: string) => this.#call.header(name) };
    const isLoaded = (one: Endpoint): boolean => loader.isLoaded(one, route.model.name);
    const endpoint = endpoints.choose(
      route,
      keys,
      this.#tried,
      performance.now(),
      onDemand ? isLoaded : undefined,
    );
    this.#tried = [...this.#tried, endpoint];
    const loading = onDemand ? loader.ensureLoaded(endpoint, route, deadlineMs) : undefined;
    return loading ? this.#leaseAfter(loading, endpoint, deadlineMs) : this.#lease(endpoint);
  }

  leave(): void {
    this.#gate?.leave();
    this.#gate = undefined;
  }

  models(): Promise<readonly ModelState[]> {
    return repositoryStates(this.#services, (model) => mayUse(this.#principal, model.allow));
  }

  ended(end: EndedCall): void {
    this.#ended = true;
    this.#waiting?.cancel(new ProxyFailure("CLIENT_CLOSED"));
    this.leave();
    const nowMs = performance.now();
    this.#audit(end, nowMs);
    if (!this.#call.infers) return;
    const { metrics } = this.#services;
    if (this.#meter) this.#meter.inFlight--;
    const meter = this.#meter ?? metrics.meterOf(this.#route);
    meter.retries += this.#retries;
    meter.end(end.httpStatus, (nowMs - this.#call.arrivedAtMs) / 1000);
    if (end.httpStatus === okStatus) meter.upstreamTime.observe((nowMs - this.#turnAtMs) / 1000);
    this.#endSpan(end, nowMs);
  }

  #endSpan({ httpStatus, errorCode, firstAnswerAtMs }: EndedCall, nowMs: number): void {
    const { arrivedAtMs } = this.#call;
    this.trace?.end({
      ...uncountedTokens,
      status: httpStatus,
      route: this.#route?.labels,
      errorCode,
      queueMs: this.#queueMs(nowMs),
      upstreamMs: this.#turnAtMs ? nowMs - this.#turnAtMs : undefined,
      ttftMs: firstAnswerAtMs === undefined ? undefined : firstAnswerAtMs - arrivedAtMs,
    });
  }

  #audit({ httpStatus, errorCode, requestBytes, answerBytes }: EndedCall, nowMs: number): void {
    const { requestId, clientAddress, path, arrivedAtMs } = this.#call;
    this.#services.audit?.record({
      ...uncountedTokens,
      requestId,
      principal: this.#principal,
      clientAddress,
      method: "POST",
      path,
      route: this.#route?.labels,
      status: httpStatus,
      errorCode,
      durationMs: nowMs - arrivedAtMs,
      queueMs: this.#queueMs(nowMs),
      requestBytes,
      answerBytes,
    });
  }

  /** How long the call waited for its turn, or has waited when it ended. */
  #queueMs(nowMs: number): number {
    return this.#askedAtMs === 0 ? 0 : (this.#turnAtMs || nowMs) - this.#askedAtMs;
  }

  #routed(): Route {
    if (!this.#route) throw new ProxyFailure("INTERNAL");
    return this.#route;
  }

  async #waitInLine(gate: ConcurrencyGate, waiting: Waiting): Promise<void> {
    const meter = this.#services.metrics.meterOf(this.#route);
    this.#waiting = waiting;
    meter.queued++;
    try {
      await waiting.promise;
      this.#gate = gate;
      this.#turnAtMs = performance.now();
    } finally {
      meter.queued--;
      this.#waiting = undefined;
      // Of those that give up too: a queue that nobody gets through must not look short.
      meter.queueTime.observe(this.#queueMs(performance.now()) / 1000);
    }
    // The turn came in the moment in which the call ended.
    if (this.#ended) {
      this.leave();
      throw new ProxyFailure("CLIENT_CLOSED");
    }
  }

  /** The first endpoint is always free to be asked; others are within the target's retry budget. */
  #mayTry({ target }: Route): boolean {
    const { endpoints } = this.#services.upstream;
    const retries = endpoints.retriesOf(target);
    if (this.#tried.length === 0) {
      retries?.requested(performance.now());
      return true;
    }
    const isLeft = endpoints.of(target).some((endpoint) => !this.#tried.includes(endpoint));
    if (!isLeft || this.#tried.length >= maxAttempts) return false;
    if (retries?.tryRetry(performance.now()) === false) return false;
    this.#retries++;
    return true;
  }

  /** Questions about a model do not load it. */
  #loads({ server }: Route): boolean {
    return server.loading === "on-demand" && this.#call.infers;
  }

  async #leaseAfter(
    loading: Promise<void>,
    endpoint: Endpoint,
    deadlineMs: number,
  ): Promise<EndpointLease | undefined> {
    try {
      await loading;
    } catch (failure) {
      if (!(failure instanceof ProxyFailure) || !isOfEndpoint(failure)) throw failure;
      endpoint.failed();
      this.#services.upstream.loader.forget(endpoint);
      const next = await this.choose(deadlineMs);
      if (!next) throw failure;
      return next;
    }
    // During a load the routing table may have been reloaded and the endpoint have retired.
    return this.#lease(this.#services.upstream.endpoints.get(endpoint.url));
  }

  #lease(endpoint: Endpoint): EndpointLease {
    const route = this.#routed();
    const { loader } = this.#services.upstream;
    endpoint.outstanding++;
    return {
      url: endpoint.url,
      release: (outcome) => {
        endpoint.outstanding--;
        const failed = outcome === "failed" || outcome === "unreachable";
        if (this.#loads(route)) {
          loader.release(endpoint, route);
          if (failed) loader.forget(endpoint);
        }
        if (failed) endpoint.failed();
        else if (outcome === "answered") endpoint.answered(okStatus);
      },
    };
  }
}

/** The connection of a call, of which only a certificate is known that was verified. */
function verifiedPeer(certificate: ClientCertificate | undefined): TlsPeer | undefined {
  return certificate && { authorized: true, getPeerCertificate: () => certificate };
}

function isOfEndpoint({ code }: ProxyFailure): boolean {
  return code === "ENGINE_UNREACHABLE" || code === "ENGINE_FAILED";
}
