import type { PeerCertificate } from "node:tls";
import type { RouteTarget } from "../../../platform/routes/routing-table.ts";
import type { ProxyFailureCode } from "../proxy-failure.ts";

/** A call whose metadata are there and none of whose messages has been read. */
export interface ArrivedCall {
  /** The client's `x-request-id` where that is safe to log and pass on, else a new one. */
  readonly requestId: string;
  /** Such as `/inference.GRPCInferenceService/ModelInfer`. */
  readonly path: string;
  /** Asks a model for an answer: counted, limited and audited. The other calls only ask about models. */
  readonly infers: boolean;
  /** On the clock of `performance.now()`. */
  readonly arrivedAtMs: number;
  /** IP address of the other end of the connection, which may be a load balancer; undefined where it is not known. */
  readonly clientAddress: string | undefined;
  /** What the client showed on its connection, where TLS has verified it against the authorities. */
  clientCertificate(): PeerCertificate | undefined;
  /** One value of the metadata; throws a `ProxyFailure` where there is an empty one. */
  header(name: string): string | undefined;
  /** The same for metadata that decide nothing, as it came. */
  firstHeader(name: string): string | undefined;
}

/** What a call says about where it wants to go. */
export interface GrpcRouteQuery {
  readonly protocol: "open-inference-v2";
  readonly modelName: string;
  /** A version, or an alias for one. */
  readonly version: string | undefined;
  readonly serverName: string | undefined;
  readonly serviceClass: string | undefined;
  readonly dataPlane: string | undefined;
}

/** What this side looks at of a route. */
export interface GrpcRoute {
  readonly server: { readonly name: string };
  readonly model: { readonly name: string; readonly stateful?: boolean };
  /** Empty where the engine decides. */
  readonly version: string;
  readonly target: Pick<RouteTarget, "grpcPort" | "timeoutMs">;
}

/**
 * How a call ended for an endpoint: `answered`, also by an error of the engine's own; `failed`, broken off or too late;
 * `unreachable`, nothing was sent; `cancelled` by the client, which says nothing about the endpoint.
 */
export type EndpointOutcome = "answered" | "failed" | "unreachable" | "cancelled";

/** One endpoint while a call is on its way there, counted in its load. */
export interface EndpointLease {
  /** Base URL, as in the routing table or as discovery found it; the call goes to the same host at the gRPC port. */
  readonly url: string;
  release(outcome: EndpointOutcome): void;
}

/** A version of a model as `RepositoryIndex` lists it. */
export interface ModelState {
  readonly name: string;
  readonly version: string;
  /** `READY`, or what the engine says, such as `UNAVAILABLE`. */
  readonly state: string;
}

/** What came of a call. */
export interface EndedCall {
  /** Code of gRPC, 0 for OK. */
  readonly grpcStatus: number;
  /** The HTTP status of the same meaning, 499 where the client went away. */
  readonly httpStatus: number;
  /** The proxy's own failure; undefined for an answer of the engine, whatever its status. */
  readonly errorCode: ProxyFailureCode | undefined;
  /** When the engine's first answer message was there, on the clock of `performance.now()`; undefined where none came. */
  readonly firstAnswerAtMs: number | undefined;
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/** What is measured of the tokens that a stream hands on. */
export interface TokenTimes {
  /** From the arrival of a request to its first token. */
  readonly timeToFirstToken: { observe(seconds: number): void };
  /** Between two tokens of one request. */
  readonly interTokenLatency: { observe(seconds: number): void };
}

/** What an engine gets in place of the client's trace context. */
export interface TraceContext {
  readonly traceparent: string;
  /** Undefined for none. */
  readonly tracestate: string | undefined;
}

/**
 * What the rest of the proxy does for one call, in the order in which it is asked. All of it throws a `ProxyFailure`, or
 * rejects with one, to refuse the call; whatever is known at once is returned without a promise.
 */
export interface ServedCall {
  /** Undefined where the call is not traced. */
  readonly trace: TraceContext | undefined;
  /** Finds out who calls, before any message is read. */
  authenticate(): Promise<void> | undefined;
  /** Decides the route, and whether the caller may take it, and as often. */
  route(query: GrpcRouteQuery): GrpcRoute;
  /** Where the tokens of the route that was decided count. */
  tokenTimes(): TokenTimes;
  /** Takes a place in the model's engine; waits for it at most until the deadline or the end of the call. */
  admit(deadlineMs: number): Promise<void> | undefined;
  /**
   * Chooses an endpoint that was not tried, by affinity, load and health, and loads the model there where it has to be
   * loaded. Undefined where there is none left, or the target's retries are used up.
   */
  choose(deadlineMs: number): EndpointLease | undefined | Promise<EndpointLease | undefined>;
  /** Gives the place back as soon as the engine has done its part; does nothing where none was taken. */
  leave(): void;
  /** The models of all Open Inference engines that the caller may see. */
  models(): Promise<readonly ModelState[]>;
  /** Called once, when the call's status is known or its client has gone. What it waits for is given up. */
  ended(end: EndedCall): void;
}

/** What the gRPC side needs of the rest of the proxy. */
export interface GrpcServices {
  /** Called once for each call that needs a credential. Does not throw. */
  begin(call: ArrivedCall): ServedCall;
  /** The routing table is loaded and the proxy is not shutting down. */
  ready(): boolean;
}
