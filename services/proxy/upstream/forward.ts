import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import type { Route } from "../routing/resolve.ts";
import type { Endpoint, Endpoints } from "./endpoints.ts";
import { Exchange, type AnswerSink, type UpstreamHeaders, type UpstreamRequest } from "./exchange.ts";
import type { ModelLoader } from "./model-loader.ts";

/** What sending a request upstream needs. */
export interface Upstream {
  readonly endpoints: Endpoints;
  readonly loader: ModelLoader;
  /** @see ExchangeTimes.streamIdleMs */
  readonly streamIdleMs: number;
}

/**
 * Sends a request to an endpoint of the route and its answer to the sink. When no connection can be made, and so
 * nothing was sent, it tries one other endpoint; any later failure may already have had an effect and is not repeated.
 */
export async function forward(
  upstream: Upstream,
  route: Route,
  request: UpstreamRequest,
  sink: AnswerSink,
  inbound: InboundRequest,
): Promise<void> {
  const deadlineMs = inbound.arrivedAtMs + route.target.timeoutMs;
  const tried = new Set<Endpoint>();
  for (;;) {
    const endpoint = upstream.endpoints.choose(route.target.endpoints, tried);
    tried.add(endpoint);
    try {
      await send(upstream, endpoint, route, request, sink, inbound, deadlineMs);
      return;
    } catch (failure) {
      if (!(failure instanceof ProxyFailure) || failure.code !== "ENGINE_UNREACHABLE") throw failure;
      endpoint.avoidForNow();
      upstream.loader.forget(endpoint);
      if (tried.size === 2 || tried.size === route.target.endpoints.length) throw failure;
    }
  }
}

/** Triton answers 503 to a version that was loaded once and is not any more, 404 to one that never was. */
const mayMeanUnloaded: ReadonlySet<number> = new Set([400, 404, 503]);

async function send(
  upstream: Upstream,
  endpoint: Endpoint,
  route: Route,
  request: UpstreamRequest,
  sink: AnswerSink,
  inbound: InboundRequest,
  deadlineMs: number,
): Promise<void> {
  const onDemand = route.server.loading === "on-demand" && request.method === "POST";
  if (onDemand) await upstream.loader.ensureLoaded(endpoint, route.model.name, deadlineMs);
  if (inbound.gone) throw new ProxyFailure("CLIENT_CLOSED");
  const watched = onDemand ? new StatusSink(sink) : sink;
  // During a load the routing table may have been reloaded and the endpoint's connections closed.
  const open = onDemand ? upstream.endpoints.get(endpoint.url) : endpoint;
  const exchange = new Exchange(open, request, watched, { deadlineMs, streamIdleMs: upstream.streamIdleMs });
  inbound.onGone(() => exchange.cancel(new ProxyFailure("CLIENT_CLOSED")));
  await exchange.run();
  if (watched instanceof StatusSink && mayMeanUnloaded.has(watched.status)) {
    void upstream.loader.verify(open, route.model.name);
  }
}

/** Remembers the status of the answer that passes through. */
class StatusSink implements AnswerSink {
  status = 0;
  readonly #next: AnswerSink;

  constructor(next: AnswerSink) {
    this.#next = next;
  }

  start(status: number, headers: UpstreamHeaders): boolean {
    this.status = status;
    return this.#next.start(status, headers);
  }

  data(chunk: Buffer, resume: () => void): boolean {
    return this.#next.data(chunk, resume);
  }

  end(): void {
    this.#next.end();
  }
}
