import { endpointHash } from "../routing/bounded-load.ts";
import {
  EngineConnection,
  type Address,
  type ConnectionOwner,
  type ConnectionUser,
} from "./connection/engine-connection.ts";
import { readEndpointUrl } from "./endpoint-url.ts";
import { CircuitBreaker } from "./health/circuit-breaker.ts";

/**
 * Connections to one endpoint. Each carries one request, so this is also the most requests in flight there; more wait
 * here, bounded by their deadlines. It is above what an engine batches, so that queues form where engines report them.
 */
const maxConnections = 1024;

/** Connecting within a cluster takes milliseconds. */
const connectTimeoutMs = 1_000;

/** Below the 5 s of uvicorn (vLLM) and Node, so that an engine does not close a connection as it is taken up again. */
const keepAliveMs = 4_000;

/** How long an endpoint that failed is used only where there is no other. */
const avoidFailedMs = 1_000;

/** What is known of the endpoint of a URL from outside its requests. */
export type IsHealthy = (url: string) => boolean;

/** Waits for a connection to an endpoint. */
export interface ConnectionSeeker extends ConnectionUser {
  /** Has a connection: sends its request on it. */
  onConnection(connection: EngineConnection): void;
  /** No connection can be made; nothing was sent. */
  onUnreachable(error: Error): void;
}

/** One address of a replica group with its connections and its load. */
export class Endpoint implements ConnectionOwner {
  /** @see readEndpointUrl */
  readonly url: string;
  /** Path of the base URL without a trailing slash, often empty. */
  readonly basePath: string;
  /** Host and port as the `Host` header says them. */
  readonly authority: string;
  /** Requests sent, or waiting for a connection, and not yet answered completely. */
  outstanding = 0;
  /** Of the URL, for choices by affinity. */
  readonly hash: number;
  readonly breaker = new CircuitBreaker();
  readonly #isHealthy: IsHealthy;
  readonly #address: Address;
  /** The one used last is used next: what is not needed falls idle and is closed. */
  readonly #idle: EngineConnection[] = [];
  /** All that are made, idle or not. */
  readonly #made = new Set<EngineConnection>();
  /** Connections that are being made, with when to give up. */
  readonly #connecting = new Map<EngineConnection, NodeJS.Timeout>();
  /** In the order in which they came. */
  readonly #seekers = new Set<ConnectionSeeker>();
  #sweep: NodeJS.Timeout | undefined;
  /** On the clock of `performance.now()`. */
  #avoidUntilMs = 0;
  #retired = false;

  constructor(url: string, isHealthy: IsHealthy) {
    const { address, basePath, authority } = readEndpointUrl(url);
    this.url = url;
    this.hash = endpointHash(url);
    this.#isHealthy = isHealthy;
    this.basePath = basePath;
    this.authority = authority;
    this.#address = address;
  }

  /** Gives the seeker a connection now where one is idle, else as soon as there is one. */
  seek(seeker: ConnectionSeeker): void {
    const connection = this.#idle.pop();
    if (connection) {
      seeker.onConnection(connection);
      return;
    }
    this.#seekers.add(seeker);
    this.#connectFor(this.#seekers.size);
  }

  /** The seeker has gone; it hears nothing any more. */
  leave(seeker: ConnectionSeeker): void {
    this.#seekers.delete(seeker);
  }

  /** Whether requests should come here. */
  get usable(): boolean {
    const nowMs = performance.now();
    return nowMs >= this.#avoidUntilMs && this.breaker.usable(nowMs) && this.#isHealthy(this.url);
  }

  /** A request came to nothing here: nobody answered, or in the name of nobody. */
  failed(): void {
    const nowMs = performance.now();
    this.#avoidUntilMs = nowMs + avoidFailedMs;
    this.breaker.failed(nowMs);
  }

  /** An answer has begun. */
  answered(status: number): void {
    // What a gateway before the engine says of it. An engine's own 503 mostly is about one model.
    if (status === 502 || status === 504) this.breaker.failed(performance.now());
    else this.breaker.succeeded(performance.now());
  }

  /** No new requests come; connections close as their requests end. */
  retire(): void {
    this.#retired = true;
    this.#closeIdle(Infinity);
  }

  /** Breaks off what is in flight. */
  destroy(): void {
    this.retire();
    for (const connection of [...this.#made, ...this.#connecting.keys()]) connection.destroy();
  }

  onConnected(connection: EngineConnection): void {
    clearTimeout(this.#connecting.get(connection));
    this.#connecting.delete(connection);
    this.#made.add(connection);
    this.#offer(connection);
  }

  onIdle(connection: EngineConnection): void {
    this.#offer(connection);
  }

  onClosed(connection: EngineConnection, error: Error | undefined): void {
    const connecting = this.#connecting.get(connection);
    if (connecting !== undefined) {
      clearTimeout(connecting);
      this.#connecting.delete(connection);
      this.#refuse(error ?? new Error("the connection was closed"));
      return;
    }
    this.#made.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#connectFor(this.#seekers.size);
  }

  #offer(connection: EngineConnection): void {
    for (const seeker of this.#seekers) {
      this.#seekers.delete(seeker);
      seeker.onConnection(connection);
      return;
    }
    if (this.#retired) {
      connection.destroy();
      return;
    }
    connection.idleSinceMs = performance.now();
    this.#idle.push(connection);
    this.#sweep ??= setInterval(() => this.#closeIdle(keepAliveMs), keepAliveMs / 4).unref();
  }

  #connectFor(seekers: number): void {
    while (this.#connecting.size < seekers && this.#made.size + this.#connecting.size < maxConnections) {
      const connection = new EngineConnection(this.#address, this);
      this.#connecting.set(
        connection,
        setTimeout(() => connection.destroy(), connectTimeoutMs),
      );
    }
  }

  /** What cannot be connected to now cannot be for anyone who waits: each may try another endpoint. */
  #refuse(error: Error): void {
    const seekers = [...this.#seekers];
    this.#seekers.clear();
    for (const seeker of seekers) seeker.onUnreachable(error);
  }

  #closeIdle(idleMs: number): void {
    const before = performance.now() - idleMs;
    // The ones at the front were used the longest ago.
    while (this.#idle[0] && this.#idle[0].idleSinceMs <= before) this.#idle.shift()?.destroy();
    if (this.#idle.length > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
