/**
 * What the proxy routes by. The same document is mounted as a ConfigMap in a cluster and written to a file for the
 * local platform; only the endpoints differ.
 */
export interface RoutingTable {
  readonly apiVersion: "domino-inference/v1";
  readonly kind: "RoutingTable";
  /** Every service class of the platform, most important first: decides who gets a request that names no class. */
  readonly serviceClasses: readonly string[];
  /** Sorted by name. */
  readonly servers: readonly RouteServer[];
}

/** The language an endpoint speaks. */
export type WireProtocol = "open-inference-v2" | "openai";

/** One engine of the platform: what the reference contract calls an inference server. */
export interface RouteServer {
  /** `inference_server_name` of the reference contract; unique. */
  readonly name: string;
  /** `inference_server_type` of the reference contract, such as `triton`. */
  readonly type: string;
  readonly protocol: WireProtocol;
  /** `on-demand`: the proxy loads a model by the engine's repository API before its first request. */
  readonly loading: "preload" | "on-demand";
  /** Sorted by name. */
  readonly models: readonly RouteModel[];
}

export interface RouteModel {
  /** `model_name` of the reference contract; unique in a server. */
  readonly name: string;
  /** Weights add up to 100. Sorted by version. */
  readonly versions: readonly RouteVersion[];
}

export interface RouteVersion {
  readonly version: string;
  /** Share in percent of the requests that name no version. */
  readonly weight: number;
  /**
   * Where the version runs, one entry per replica group. A group that serves several classes is listed once with all
   * of them. Sorted by group.
   */
  readonly targets: readonly RouteTarget[];
}

export interface RouteTarget {
  /** Replica group, the `inferno.server.name` of its pods. */
  readonly group: string;
  /** Service classes, most important first; a request without a class goes to the least important. */
  readonly serviceClasses: readonly string[];
  /** Base URLs without a trailing slash, such as `http://tabular.domino-inference-dev.svc.cluster.local:8000`. */
  readonly endpoints: readonly string[];
  /**
   * Weight among the targets of a version and class.
   * @default the number of endpoints
   */
  readonly weight?: number;
  /** Deadline of one request in ms, from its arrival to its last byte. */
  readonly timeoutMs: number;
}
