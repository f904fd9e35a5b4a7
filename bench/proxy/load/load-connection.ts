import { connect, type Socket } from "node:net";
import type { RepeatedRequest } from "./wrk.ts";

const headEnd = Buffer.from("\r\n\r\n");
const success = Buffer.from("HTTP/1.1 200");

/** All connections read into these bytes, one after the other: garbage of the load would delay what it measures. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** The bytes of a request to a server. */
export function requestBytes(url: string, { path, body, headers = {} }: RepeatedRequest): Buffer {
  const lines = Object.entries({ "content-type": "application/json", ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const length = Buffer.byteLength(body);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\n${lines.join("")}content-length: ${length}\r\n\r\n${body}`,
  );
}

/** One kept connection with one request at a time, as cheap as Node.js allows: the load shares a core with the engine. */
export class LoadConnection {
  readonly #url: URL;
  readonly #onFailure: (reason: string) => void;
  #socket: Socket | undefined;
  #answered: (() => void) | undefined;
  #received: Buffer | undefined;
  /** Bytes of the answer, head included; 0 until the head has come. */
  #expected = 0;
  /** Bytes of the answer before, head included. */
  #previous = 0;

  /** @param onFailure told where an answer is not 200 with a length, or the connection ends before it */
  constructor(url: string, onFailure: (reason: string) => void) {
    this.#url = new URL(url);
    this.#onFailure = onFailure;
    this.#socket = this.#connect();
  }

  send(bytes: Buffer, answered: () => void): void {
    this.#answered = answered;
    // Servers close connections that were not used for some seconds.
    this.#socket ??= this.#connect();
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket?.removeAllListeners("close");
    this.#socket?.destroy();
  }

  #connect(): Socket {
    const socket = connect({
      port: Number(this.#url.port),
      host: this.#url.hostname,
      onread: {
        buffer: readBuffer,
        callback: (bytes) => {
          this.#take(readBuffer.subarray(0, bytes), this.#onFailure);
          return true;
        },
      },
    });
    socket.setNoDelay(true);
    // What comes of it is told by `close`.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#socket = undefined;
      if (this.#answered !== undefined) this.#onFailure("a connection ended before the answer");
    });
    return socket;
  }

  #take(chunk: Buffer, onFailure: (reason: string) => void): void {
    // An answer as long as the one before is read no further: the load must not be what is slow.
    if (!this.#received && chunk.length === this.#previous && success.equals(chunk.subarray(0, 12))) {
      this.#end();
      return;
    }
    this.#received = this.#received ? Buffer.concat([this.#received, chunk]) : Buffer.from(chunk);
    if (this.#expected === 0) {
      const end = this.#received.indexOf(headEnd);
      if (end < 0) return;
      const head = this.#received.toString("latin1", 0, end);
      const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
      if (!head.startsWith("HTTP/1.1 200") || length === undefined) {
        return onFailure(`unexpected answer: ${this.#received.toString("latin1", 0, 500)}`);
      }
      this.#expected = end + headEnd.length + Number(length);
    }
    if (this.#received.length < this.#expected) return;
    this.#previous = this.#received.length;
    this.#received = undefined;
    this.#expected = 0;
    this.#end();
  }

  #end(): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.();
  }
}
