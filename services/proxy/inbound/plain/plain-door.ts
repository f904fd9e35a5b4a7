import type { Server as HttpServer } from "node:http";
import { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Authenticator } from "../../auth/authenticator.ts";
import type { BodyReader } from "../body-reader.ts";
import type { InboundRequest } from "../inbound-request.ts";
import { keepAliveTimeoutMs, requestTimeoutMs } from "../http-server.ts";
import { PlainConnection, type PlainConnectionOwner } from "./plain-connection.ts";

/** How often connections are looked at, in ms: their times are tens of seconds. */
const sweepMs = 5_000;

/** Stands before Node's HTTP server and takes the connections whose requests are plain. */
export class PlainDoor implements PlainConnectionOwner {
  readonly bodies: BodyReader;
  readonly serve: (inbound: InboundRequest) => Promise<void>;
  readonly #authenticator: Authenticator;
  readonly #connections = new Set<PlainConnection>();
  readonly #toNode: (socket: Socket) => void;
  readonly #sweeper: NodeJS.Timeout;
  #draining = false;

  /** Takes over the connections of a server that does not listen yet. */
  constructor(
    server: HttpServer | HttpsServer,
    bodies: BodyReader,
    authenticator: Authenticator,
    serve: (inbound: InboundRequest) => Promise<void>,
  ) {
    this.bodies = bodies;
    this.#authenticator = authenticator;
    this.serve = serve;
    const event = server instanceof HttpsServer ? "secureConnection" : "connection";
    const [listener] = server.listeners(event) as ((this: unknown, socket: Socket) => void)[];
    if (!listener) throw new RangeError("the server takes no connections");
    this.#toNode = (socket) => listener.call(server, socket);
    server.removeAllListeners(event);
    server.on(event, (socket: Socket) => {
      if (this.#draining) this.#toNode(socket);
      else this.#connections.add(new PlainConnection(socket, this));
    });
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** Ends connections as they fall idle. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections) connection.drain();
  }

  /** Breaks off what is still open. */
  destroy(): void {
    clearInterval(this.#sweeper);
    for (const connection of this.#connections) connection.destroy();
  }

  identify(inbound: InboundRequest): boolean {
    try {
      const principal = this.#authenticator.authenticate(inbound);
      if (principal instanceof Promise) {
        // Who has to be asked for is asked for again where the answer can be waited for.
        principal.catch(() => {});
        return false;
      }
      inbound.principal = principal;
      inbound.isIdentified = true;
      return true;
    } catch {
      return false;
    }
  }

  closed(connection: PlainConnection): void {
    this.#connections.delete(connection);
  }

  handOver(socket: Socket, bytes: Buffer): void {
    socket.pause();
    socket.unshift(bytes);
    this.#toNode(socket);
    // Node's parser reads the socket's handle itself, but what is unshifted comes as an event.
    process.nextTick(() => socket.resume());
  }

  #sweep(): void {
    this.bodies.buffers.trim();
    const nowMs = performance.now();
    for (const connection of this.#connections) {
      connection.sinceMs ||= nowMs;
      const forMs = nowMs - connection.sinceMs;
      if (connection.isIdle && forMs > keepAliveTimeoutMs) connection.destroy();
      else if (connection.isReading && forMs > requestTimeoutMs) connection.timeOut();
    }
  }
}
