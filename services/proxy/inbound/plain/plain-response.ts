import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ClientResponse } from "../client-response.ts";

/** Longest body that is joined with its head for one write: copying more costs more than a second system call. */
const joinedBytes = 16 * 1024;

/** Hears how an answer ended. */
export interface ResponseOwner {
  /** The whole answer has been handed to the socket. */
  onAnswered(keepAlive: boolean): void;
}

/** An answer written as text, head and body in one write where it is short. */
export class PlainResponse implements ClientResponse {
  headersSent = false;
  writableEnded = false;
  statusCode = 200;
  shouldKeepAlive = true;
  readonly #socket: Socket;
  readonly #owner: ResponseOwner;
  /** The head without its end, until the first byte of the body tells how it is framed. */
  #head: string | undefined;
  #hasLength = false;
  #chunked = false;

  constructor(socket: Socket, owner: ResponseOwner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  writeHead(status: number, headers: readonly string[]): void {
    this.headersSent = true;
    this.statusCode = status;
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n`;
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index] ?? "";
      if (name === "content-length") this.#hasLength = true;
      head += `${name}: ${headers[index + 1] ?? ""}\r\n`;
    }
    this.#head = `${head}date: ${httpDate()}\r\n${this.shouldKeepAlive ? "" : "connection: close\r\n"}`;
  }

  flushHeaders(): void {
    const head = this.#takeHead(undefined);
    if (head !== "") this.#socket.write(head, "latin1");
  }

  write(part: string | Buffer): boolean {
    const head = this.#takeHead(undefined);
    if (this.#chunked) {
      // An empty chunk would be the end.
      if (part.length === 0) return true;
      const text = typeof part === "string" ? part : part.toString("latin1");
      return this.#socket.write(`${head}${part.length.toString(16)}\r\n${text}\r\n`, "latin1");
    }
    return this.#writeJoined(head, part);
  }

  end(part: string | Buffer = ""): void {
    if (this.writableEnded) return;
    this.writableEnded = true;
    const head = this.#takeHead(part.length);
    if (this.#chunked) {
      const text = typeof part === "string" ? part : part.toString("latin1");
      const last = text === "" ? "" : `${part.length.toString(16)}\r\n${text}\r\n`;
      this.#socket.write(`${head}${last}0\r\n\r\n`, "latin1");
    } else if (head !== "" || part.length > 0) {
      this.#writeJoined(head, part);
    }
    this.#owner.onAnswered(this.shouldKeepAlive);
  }

  once(event: "drain", listener: () => void): void {
    this.#socket.once(event, listener);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #writeJoined(head: string, part: string | Buffer): boolean {
    if (typeof part === "string") return this.#socket.write(head + part, "latin1");
    if (part.length <= joinedBytes) return this.#socket.write(head + part.toString("latin1"), "latin1");
    if (head !== "") this.#socket.write(head, "latin1");
    return this.#socket.write(part);
  }

  /** The head with its end, or nothing where it has been written. `bytes`: of the whole body, where they are known. */
  #takeHead(bytes: number | undefined): string {
    if (this.#head === undefined) return "";
    const head = this.#head;
    this.#head = undefined;
    if (this.#hasLength) return `${head}\r\n`;
    // Neither has a body, nor says how long it would be.
    if (this.statusCode === 204 || this.statusCode === 304) return `${head}\r\n`;
    if (bytes !== undefined) return `${head}content-length: ${bytes}\r\n\r\n`;
    this.#chunked = true;
    return `${head}transfer-encoding: chunked\r\n\r\n`;
  }
}

let dateSecond = -1;
let dateText = "";

/** The time as headers have it, in whole seconds. */
function httpDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}
