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
  /**
   * What one caller may ask for, of all models together.
   * @default no limit
   */
  readonly callerRate?: RateLimit;
  /**
   * What may be asked for with one key of a caller, of all models together.
   * @default no limit
   */
  readonly keyRate?: RateLimit;
}

/** The language an endpoint speaks. */
export type WireProtocol = "open-inference-v2" | "kserve-v1" | "openai";

/** What may be asked for in a minute; a minute's worth may come at once. */
export interface RateLimit {
  readonly requestsPerMinute?: number;
  /** Prompt and generated tokens, taken off when the engine has reported them. */
  readonly tokensPerMinute?: number;
}

/** One engine of the platform: what the reference contract calls an inference server. */
export interface RouteServer {
  /** `inference_server_name` of the reference contract; unique. */
  readonly name: string;
  /** `inference_server_type` of the reference contract, such as `triton`. */
  readonly type: string;
  readonly protocol: WireProtocol;
  /** `on-demand`: the proxy loads a model by the engine's repository API before its first request. */
  readonly loading: "preload" | "on-demand";
  /**
   * How on-demand models leave again.
   * @default they stay
   */
  readonly unloading?: Unloading;
  /**
   * Domino data plane that it runs in; requests name one by header.
   * @default that of the proxy
   */
  readonly dataPlane?: string;
  /** Sorted by name. */
  readonly models: readonly RouteModel[];
  /** Takes every model that is asked for by the server's name or type, listed or not: the engine knows them. */
  readonly anyModel?: RouteTarget;
}

/** What makes room for the next model of an on-demand server. */
export interface Unloading {
  /** A model that nobody asked for in this time goes. */
  readonly idleSeconds?: number;
  /** Most models that an endpoint holds; the one longest not asked for goes first. */
  readonly maxLoaded?: number;
}

export interface RouteModel {
  /** `model_name` of the reference contract; unique in a server. */
  readonly name: string;
  /** Weights add up to 100. Sorted by version. */
  readonly versions: readonly RouteVersion[];
  /** Version that each alias stands for, such as `stable`. `latest` is always the highest number. */
  readonly aliases?: Readonly<Record<string, string>>;
  /**
   * What keeps a caller at one version where several have a weight: who it is, or the value of a header.
   * @default every request is drawn anew
   */
  readonly sticky?: { readonly by: "caller" } | { readonly by: "header"; readonly header: string };
  /**
   * What decides the replica. `prefix`: prompts that begin alike meet the same cache. `session`: equal values of a
   * header meet the same replica.
   * @default the load alone
   */
  readonly affinity?: { readonly by: "prefix" } | { readonly by: "session"; readonly header: string };
  /**
   * Requests in the engine and waiting in the proxy for their turn, at most.
   * @default no limit
   */
  readonly concurrency?: { readonly running: number; readonly queued: number };
  /** @default no limit */
  readonly rate?: RateLimit;
  /**
   * Who may ask; any one entry is enough.
   * @default every caller that the proxy lets in
   */
  readonly allow?: { readonly users?: readonly string[]; readonly roles?: readonly string[] };
  /**
   * A request changes what later ones get, so one that was sent is never repeated.
   * @default false
   */
  readonly stateful?: boolean;
  /**
   * Is never unloaded to make room.
   * @default false
   */
  readonly pinned?: boolean;
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
   * What the hosts of the endpoints stand for. `dns`: every address of the name. `endpoint-slices`: every ready pod of
   * the Service that the name is of.
   * Behind `https` an address has to show the certificate of the host.
   * @default themselves
   */
  readonly discovery?: "dns" | "endpoint-slices";
  /**
   * Port of the same hosts for gRPC.
   * @default the engine has none
   */
  readonly grpcPort?: number;
  /**
   * Path below an endpoint that answers 2xx while it can take requests; the proxy asks it at an interval.
   * @default an endpoint is judged by its answers alone
   */
  readonly healthPath?: string;
  /**
   * Weight among the targets of a version and class.
   * @default the number of endpoints
   */
  readonly weight?: number;
  /** Deadline of one request in ms, from its arrival to its last byte. */
  readonly timeoutMs: number;
}
