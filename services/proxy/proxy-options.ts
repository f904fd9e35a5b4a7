import type { Logger } from "pino";
import type { Random } from "./routing/choose.ts";

/** Who may send requests: everyone who reaches the proxy, or holders of a Domino API key or token. */
export type AuthOptions = { readonly kind: "none" } | { readonly kind: "domino"; readonly hostUrl: string };

export interface ProxyOptions {
  /** File of the routing table, JSON or YAML; reloaded when it changes. */
  readonly routesFile: string;
  readonly auth: AuthOptions;
  /** Absent: plain HTTP. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
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
} as const;

/** Shortest default of `drainTimeoutMs`: within the 30 s that Kubernetes gives a pod, unless told otherwise. */
export const leastDrainTimeoutMs = 25_000;

/** Bodies that are held at once may add up to this many times the limit of one. */
export const bufferedBodiesFactor = 8;
