import type { RouteTarget } from "../../../platform/routes/routing-table.ts";

/** Who a call is by: what the authenticator returned, only handed on here. */
export type Principal = unknown;

/** Metadata that prove who a caller is, by the names of the HTTP headers. */
export interface CredentialHeaders {
  readonly authorization?: string | undefined;
  readonly "x-domino-api-key"?: string | undefined;
  readonly "x-api-key"?: string | undefined;
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

/** What this side looks at of a route; the services get back the very object that they gave. */
export interface GrpcRoute {
  readonly server: { readonly name: string };
  readonly model: { readonly name: string };
  /** Empty where the engine decides. */
  readonly version: string;
  readonly target: Pick<RouteTarget, "grpcPort" | "timeoutMs">;
}

/** A place in the engine, or in the queue before it, for as long as a call takes. */
export interface Permit {
  release(): void;
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

/** A call that has ended, for metrics and the audit log. */
export interface EndedCall {
  readonly requestId: string;
  /** Such as `ModelInfer`. */
  readonly method: string;
  /** Undefined where nobody was authenticated. */
  readonly principal: Principal;
  /** Undefined where none was found. */
  readonly route: GrpcRoute | undefined;
  /** Code of gRPC, 0 for OK. */
  readonly grpcStatus: number;
  /** The HTTP status of the same meaning, 499 where the client went away. */
  readonly httpStatus: number;
  /** On the clock of `performance.now()`. */
  readonly arrivedAtMs: number;
  /** When the engine's first answer message was there; undefined where none came. */
  readonly firstAnswerAtMs: number | undefined;
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/**
 * What the gRPC side needs of the rest of the proxy. All of it throws a `ProxyFailure`, or rejects with one, to refuse
 * a call; whatever is known at once is returned without a promise.
 */
export interface GrpcServices {
  /** Called when a call's metadata are there, before any of its messages is read. */
  authenticate(headers: CredentialHeaders): Principal | Promise<Principal>;
  /** Decides the route, and whether the principal may take it. */
  route(query: GrpcRouteQuery, principal: Principal): GrpcRoute;
  /** Takes rate limits and the model's concurrency into account; waits at most until the deadline. */
  admit(route: GrpcRoute, principal: Principal, deadlineMs: number): Permit | Promise<Permit>;
  /**
   * Chooses an endpoint that was not tried, by load and health, and loads the model there where it has to be loaded.
   * Undefined where there is none left.
   */
  choose(
    route: GrpcRoute,
    tried: ReadonlySet<string>,
    deadlineMs: number,
  ): EndpointLease | undefined | Promise<EndpointLease | undefined>;
  /** The models of all Open Inference engines that the principal may see. */
  models(principal: Principal): Promise<readonly ModelState[]>;
  /** The routing table is loaded and the proxy is not shutting down. */
  ready(): boolean;
  /** Called once for each call that needs a credential, when its status is known. */
  ended(call: EndedCall): void;
}
