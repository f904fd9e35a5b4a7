import type { Logger } from "pino";
import type { AuditDestination } from "./audit/audit-log.ts";
import type { Random } from "./routing/choose.ts";

/** Domino's own users, by API key or bearer token. */
export interface DominoAuth {
  /** Base URL of Domino, such as `http://nucleus-frontend.domino-platform:80`. */
  readonly hostUrl: string;
}

/** Users and services of an OpenID issuer, by signed tokens. */
export interface JwtAuth {
  /** Where the issuer publishes its keys. */
  readonly jwksUrl: string;
  /** What `iss` must be. */
  readonly issuer: string;
  /** What `aud` must hold: tokens for other services of the issuer are not taken. */
  readonly audience: string;
  /**
   * Claim that names the user. An issuer whose users choose that name themselves needs `sub` here.
   * @default preferred_username, the user name of Domino's Keycloak
   */
  readonly userClaim?: string;
  /**
   * Claim with a list of the user's roles.
   * @default user_groups, as in Domino's Keycloak
   */
  readonly rolesClaim?: string;
  /**
   * How much the issuer's clock may differ, in s.
   * @default 30
   */
  readonly clockSkewSeconds?: number;
}

export const jwtDefaults = {
  userClaim: "preferred_username",
  rolesClaim: "user_groups",
  clockSkewSeconds: 30,
} as const;

/** Services, by the tokens of a file. */
export interface TokenAuth {
  /** JSON or YAML, a list of `{name, roles?, sha256}` or `{name, roles?, token}`; reloaded when it changes. */
  readonly file: string;
}

/** Holders of a credential of one of several kinds; at least one is there. */
export interface CredentialAuth {
  readonly kind: "credentials";
  readonly domino?: DominoAuth;
  readonly jwt?: JwtAuth;
  readonly token?: TokenAuth;
  /** Whoever has a client certificate of `tls.clientCaFile`. */
  readonly certificate?: true;
  /**
   * How long an accepted key or token is trusted without asking again: the longest time that a revoked one still works.
   * @default 60
   */
  readonly cacheSeconds?: number;
}

/** Who may send requests. `none`: everyone who reaches the proxy. */
export type AuthOptions = { readonly kind: "none" } | CredentialAuth;

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** PEM files, reloaded when they change. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /**
   * Authorities whose certificates clients must show; without one no connection comes about.
   * @default clients show none
   */
  readonly clientCaFile?: string;
}

export interface ProxyOptions {
  /** File of the routing table, JSON or YAML; reloaded when it changes. */
  readonly routesFile: string;
  readonly auth: AuthOptions;
  /** Absent: plain HTTP. */
  readonly tls?: TlsFiles;
  readonly log: Logger;
  /**
   * Address to listen on. Not reachable from elsewhere unless that is asked for.
   * @default 127.0.0.1
   */
  readonly host?: string;
  /**
   * 0 takes a free port.
   * @default 8443, the port of the reference proxy
   */
  readonly port?: number;
  /**
   * Where to serve the metrics and health paths in plain HTTP, for scrapers and probes that have no certificate. The
   * public port then has no `/metrics`.
   * @default the public port serves all
   */
  readonly metricsListen?: ListenAddress;
  /**
   * Where to serve the Open Inference Protocol by gRPC, with the same TLS.
   * @default nowhere
   */
  readonly grpcListen?: ListenAddress;
  /**
   * Where to write a line for every request, with who asked for what, and never its payload.
   * @default nowhere
   */
  readonly audit?: AuditDestination;
  /**
   * `otlp`: OpenTelemetry spans to the collector that its standard variables `OTEL_EXPORTER_OTLP_*` name.
   * @default none
   */
  readonly tracing?: "none" | "otlp";
  /**
   * Longest body of a request and longest answer of /predict, in bytes.
   * @default 64 MiB: a batch of images fits, and a body is held in memory
   */
  readonly maxBodyBytes?: number;
  /**
   * Longest time that `close` waits for requests in flight, in ms.
   * @default the longest deadline of the routing table, and 25 s at least
   */
  readonly drainTimeoutMs?: number;
  /**
   * How often the routing file is looked at, in ms.
   * @default 2 s; a ConfigMap itself takes up to a minute to arrive
   */
  readonly filesPollMs?: number;
  /**
   * Longest silence within a stream of tokens, in ms.
   * @default 60 s; engines preempt a sequence for seconds, not for minutes
   */
  readonly streamIdleMs?: number;
  /** @default Math.random */
  readonly random?: Random;
}

export const proxyDefaults = {
  host: "127.0.0.1",
  port: 8443,
  maxBodyBytes: 64 * 1024 * 1024,
  filesPollMs: 2_000,
  streamIdleMs: 60_000,
  authCacheSeconds: 60,
} as const;

/** Shortest default of `drainTimeoutMs`: within the 30 s that Kubernetes gives a pod, unless told otherwise. */
export const leastDrainTimeoutMs = 25_000;

/** Bodies that are held at once may add up to this many times the limit of one. */
export const bufferedBodiesFactor = 8;
