import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { answerOf, eventsOf } from "./traffic.ts";

/** Longest time that a slow engine takes for an answer, or between two events, in ms. */
const slowMs = 60;

/** An engine that dies as a process does, comes back at the same address, and remembers whom it left with half an answer. */
export class SoakedEngine {
  slow = false;
  /** Requests whose answers had begun when the engine was killed: nobody can repeat them unnoticed. */
  readonly begunAtKill = new Set<number>();
  /** Requests that were read whole and not answered when the engine was killed. */
  unansweredAtKill = 0;
  #server: Server | undefined;
  #port = 0;
  readonly #sockets = new Set<Socket>();
  readonly #inFlight = new Map<number, ServerResponse>();

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get running(): boolean {
    return this.#server !== undefined;
  }

  async start(): Promise<void> {
    const server = createServer((message, response) => this.#take(message, response));
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Breaks every connection, as the kernel does for a killed process. */
  async kill(): Promise<void> {
    for (const [number, response] of this.#inFlight) {
      if (response.headersSent) this.begunAtKill.add(number);
      else this.unansweredAtKill++;
    }
    this.#inFlight.clear();
    const server = this.#server;
    this.#server = undefined;
    const closed = new Promise((resolve) => server?.close(resolve));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (server) await closed;
  }

  #take(message: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    // A client that goes away is the proxy's matter.
    message.on("error", () => undefined);
    message.on("end", () => {
      const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
      const beginning = body.toString("latin1", 0, 120);
      const number = Number(/"number":(\d+)/.exec(beginning)?.[1]);
      this.#inFlight.set(number, response);
      response.once("close", () => {
        if (this.#inFlight.get(number) === response) this.#inFlight.delete(number);
      });
      if (beginning.includes('"stream":true')) this.#stream(response, number, body);
      else this.#answer(response, number, body);
    });
  }

  #answer(response: ServerResponse, number: number, body: Buffer): void {
    const send = (): void => {
      const text = answerOf(number, body);
      response.writeHead(200, { "content-type": "application/json", "content-length": text.length });
      if (!this.slow) {
        response.end(text);
        return;
      }
      // In two parts, so that a kill can come in between.
      response.write(text.slice(0, text.length / 2));
      setTimeout(() => response.end(text.slice(text.length / 2)), number % slowMs);
    };
    if (this.slow) setTimeout(send, number % slowMs);
    else send();
  }

  #stream(response: ServerResponse, number: number, body: Buffer): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const events = eventsOf(number, body).values();
    const next = (): void => {
      const { value, done } = events.next();
      if (done) response.end();
      else if (!response.destroyed) {
        response.write(value);
        setTimeout(next, this.slow ? number % slowMs : number % 4);
      }
    };
    next();
  }
}
