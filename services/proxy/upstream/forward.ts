import type { InboundRequest, InboundWork } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import type { Route } from "../routing/routing-index.ts";
import type { AnswerHead } from "./connection/answer-parser.ts";
import type { Deadlines } from "./connection/deadlines.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Endpoints } from "./endpoints.ts";
import {
  Exchange,
  type AnswerSink,
  type ExchangeOwner,
  type ExchangeTimes,
  type UpstreamRequest,
} from "./exchange.ts";
import type { ModelLoader } from "./model-loader.ts";

/** What sending a request upstream needs. */
export interface Upstream {
  readonly endpoints: Endpoints;
  readonly loader: ModelLoader;
  readonly deadlines: Deadlines;
  /** @see ExchangeTimes.streamIdleMs */
  readonly streamIdleMs: number;
}

/** Endpoints that one request is sent to, at most. */
const maxAttempts = 3;

/** Share of its deadline that an engine must have had before a late answer counts against it. */
const patience = 0.9;

/** Triton answers 503 to a version that was loaded once and is not any more, 404 to one that never was. */
const mayMeanUnloaded: ReadonlySet<number> = new Set([400, 404, 503]);

/**
 * Sends a request to an endpoint of the route and its answer to the sink. Until the first byte of an answer it may try
 * another endpoint: always where no connection could be made and so nothing was sent, and else where the model is not
 * said to be stateful. Rejects with a `ProxyFailure`.
 */
export function forward(
  upstream: Upstream,
  route: Route,
  request: UpstreamRequest,
  sink: AnswerSink,
  inbound: InboundRequest,
): Promise<void> {
  return new Promise((resolve, reject) => {
    new Forwarding(upstream, route, request, sink, inbound, resolve, reject).attempt();
  });
}

class Forwarding implements ExchangeOwner, AnswerSink, InboundWork, ExchangeTimes {
  readonly deadlines: Deadlines;
  readonly deadlineMs: number;
  readonly streamIdleMs: number;
  readonly patienceMs: number;
  readonly #upstream: Upstream;
  readonly #route: Route;
  readonly #request: UpstreamRequest;
  readonly #sink: AnswerSink;
  readonly #inbound: InboundRequest;
  readonly #resolve: () => void;
  readonly #reject: (failure: ProxyFailure) => void;
  readonly #onDemand: boolean;
  #tried: readonly Endpoint[] = [];
  #attempts = 0;
  #exchange: Exchange | undefined;
  #status = 0;

  constructor(
    upstream: Upstream,
    route: Route,
    request: UpstreamRequest,
    sink: AnswerSink,
    inbound: InboundRequest,
    resolve: () => void,
    reject: (failure: ProxyFailure) => void,
  ) {
    this.#upstream = upstream;
    this.#route = route;
    this.#request = request;
    this.#sink = sink;
    this.#inbound = inbound;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onDemand = route.server.loading === "on-demand" && request.method === "POST";
    this.deadlines = upstream.deadlines;
    this.deadlineMs = Math.min(inbound.deadlineMs, inbound.arrivedAtMs + route.target.timeoutMs);
    this.streamIdleMs = upstream.streamIdleMs;
    this.patienceMs = patience * route.target.timeoutMs;
    upstream.endpoints.retriesOf(route.target)?.requested(inbound.arrivedAtMs);
    inbound.work = this;
  }

  attempt(): void {
    if (this.#inbound.gone) {
      this.#reject(new ProxyFailure("CLIENT_CLOSED"));
      return;
    }
    // The body may have come late, or the turn.
    const nowMs = performance.now();
    if (nowMs >= this.deadlineMs) {
      this.#reject(new ProxyFailure("DEADLINE_EXCEEDED"));
      return;
    }
    const { loader } = this.#upstream;
    let endpoint: Endpoint;
    try {
      endpoint = this.#upstream.endpoints.choose(
        this.#route,
        this.#inbound,
        this.#tried,
        nowMs,
        this.#onDemand ? (one) => loader.isLoaded(one, this.#route.model.name) : undefined,
      );
    } catch (failure) {
      this.#reject(failure as ProxyFailure);
      return;
    }
    this.#tried = [...this.#tried, endpoint];
    this.#attempts++;
    const loading = this.#onDemand
      ? this.#upstream.loader.ensureLoaded(endpoint, this.#route, this.deadlineMs)
      : undefined;
    if (loading) void this.#sendAfter(loading, endpoint);
    else this.#send(endpoint);
  }

  clientGone(): void {
    this.#exchange?.cancel(new ProxyFailure("CLIENT_CLOSED"));
  }

  start(head: AnswerHead): boolean {
    this.#status = head.status;
    return this.#sink.start(head);
  }

  data(chunk: Buffer, resume: () => void): boolean {
    return this.#sink.data(chunk, resume);
  }

  end(): void {
    this.#sink.end();
  }

  onDone(failure: ProxyFailure | undefined): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (this.#onDemand && exchange) this.#upstream.loader.release(exchange.endpoint, this.#route);
    if (!failure) {
      this.#inbound.work = undefined;
      this.#inbound.isBodyUsedUp = exchange?.sentAll === true && this.#attempts === 1;
      if (this.#onDemand && exchange && mayMeanUnloaded.has(this.#status)) {
        void this.#upstream.loader.verify(exchange.endpoint, this.#route.model.name);
      }
      this.#resolve();
    } else if (exchange) {
      this.#failed(failure, exchange.endpoint, exchange);
    }
  }

  #send(endpoint: Endpoint): void {
    this.#exchange = new Exchange(endpoint, this.#request, this, this, this);
    this.#exchange.start();
  }

  async #sendAfter(loading: Promise<void>, endpoint: Endpoint): Promise<void> {
    try {
      await loading;
    } catch (failure) {
      this.#failed(failure as ProxyFailure, endpoint, undefined);
      return;
    }
    if (this.#inbound.gone) {
      this.#upstream.loader.release(endpoint, this.#route);
      this.#reject(new ProxyFailure("CLIENT_CLOSED"));
    }
    // During a load the routing table may have been reloaded and the endpoint have retired.
    else this.#send(this.#upstream.endpoints.get(endpoint.url));
  }

  #failed(failure: ProxyFailure, endpoint: Endpoint, exchange: Exchange | undefined): void {
    if (failure.code === "ENGINE_UNREACHABLE" || failure.code === "ENGINE_FAILED") {
      // A connection that was kept too long says nothing about the endpoint.
      if (exchange?.reused !== true) endpoint.failed();
      if (this.#onDemand) this.#upstream.loader.forget(endpoint);
      if (this.#mayRepeat(failure, exchange)) {
        this.#inbound.retries++;
        this.attempt();
        return;
      }
    }
    this.#inbound.work = undefined;
    this.#reject(failure);
  }

  #mayRepeat(failure: ProxyFailure, exchange: Exchange | undefined): boolean {
    if (exchange?.answered === true || this.#attempts >= maxAttempts) return false;
    const { body } = this.#request;
    if (body && "started" in body && body.started) return false;
    if (failure.code === "ENGINE_FAILED" && this.#route.model.stateful === true) return false;
    const { endpoints } = this.#upstream;
    const { target } = this.#route;
    if (!endpoints.of(target).some((endpoint) => !this.#tried.includes(endpoint))) {
      // The engine closed an idle connection as the request was on its way: there is nothing wrong with the endpoint.
      if (exchange?.reused !== true) return false;
      this.#tried = [];
    }
    return endpoints.retriesOf(target)?.tryRetry(performance.now()) ?? true;
  }
}
