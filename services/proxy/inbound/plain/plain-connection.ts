import type { Socket } from "node:net";
import type { BodyReader } from "../body-reader.ts";
import { InboundRequest } from "../inbound-request.ts";
import { PlainResponse, type ResponseOwner } from "./plain-response.ts";
import { readRequestHead } from "./request-head.ts";

/** Longest body that is taken here, in bytes: longer ones are read as a stream, with the limits of that. */
const maxBodyBytes = 4 * 1024 * 1024;

/** What a client has sent ahead of its turn beyond this makes it wait, in bytes. */
const maxAheadBytes = 64 * 1024;

/** What plain connections are served with. */
export interface PlainConnectionOwner {
  readonly bodies: BodyReader;
  /** Whether the sender is known without asking anybody, so that its body may be held. */
  identify(inbound: InboundRequest): boolean;
  /** Handles a request to its end. Never rejects. */
  serve(inbound: InboundRequest): Promise<void>;
  /** Gives the connection to Node's HTTP server, with what has been read of it and not been used. */
  handOver(socket: Socket, bytes: Buffer): void;
  closed(connection: PlainConnection): void;
}

/**
 * A connection whose requests are plain: POST with one length, small enough to be held. Most of what a busy proxy gets
 * is, and read here it costs half of what it does with all that HTTP may be. With the first request that is not, the
 * connection goes to Node's HTTP server for good.
 */
export class PlainConnection implements ResponseOwner {
  /** When the request or the wait for one began, on the clock of `performance.now()`. */
  sinceMs = performance.now();
  readonly #socket: Socket;
  readonly #owner: PlainConnectionOwner;
  #inbound: InboundRequest | undefined;
  /** The request whose body is still coming, with its length. */
  #coming: { readonly inbound: InboundRequest; readonly contentLength: number } | undefined;
  #parts: Buffer[] = [];
  #missingBytes = 0;
  #reservedBytes = 0;
  /** Sent ahead while a request is answered, until its turn has come. */
  #ahead: Buffer | undefined;
  #aheadIsDue = false;
  #draining = false;

  constructor(socket: Socket, owner: PlainConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    socket.setNoDelay(true);
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  /** Whether it waits for a request, or for the rest of one. */
  get isIdle(): boolean {
    return !this.#inbound && !this.#coming;
  }

  get isReading(): boolean {
    return this.#coming !== undefined;
  }

  /** No more requests: closes now where none is answered, else with the answer. */
  drain(): void {
    this.#draining = true;
    if (this.isIdle) this.#socket.end();
    else if (this.#inbound && !this.#inbound.response.headersSent)
      this.#inbound.response.shouldKeepAlive = false;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Refuses a request that takes too long to come. */
  timeOut(): void {
    this.#refuse("408 Request Timeout");
  }

  onAnswered(keepAlive: boolean): void {
    this.#inbound = undefined;
    this.sinceMs = performance.now();
    if (!keepAlive || this.#draining) {
      this.#ahead = undefined;
      this.#socket.destroySoon();
      return;
    }
    if (!this.#ahead) return;
    // Not from within the answer: a long line of requests sent ahead would nest as deep. What comes until then is later.
    this.#aheadIsDue = true;
    setImmediate(() => this.#takeAhead());
  }

  #takeAhead(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    this.#aheadIsDue = false;
    if (!ahead || this.#socket.destroyed) return;
    this.#socket.resume();
    this.#begin(ahead);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#inbound || this.#aheadIsDue) this.#keepAhead(chunk);
    else if (this.#coming) this.#takePart(this.#coming, chunk);
    else this.#begin(chunk);
  };

  /** Who closes its side has gone, as for Node's HTTP server: an answer would find no reader. */
  readonly #onEnd = (): void => {
    this.#socket.destroy();
  };

  readonly #onError = (): void => {};

  readonly #onClose = (): void => {
    this.#release();
    this.#owner.closed(this);
    this.#inbound?.closed();
  };

  #begin(bytes: Buffer): void {
    const head = readRequestHead(bytes);
    if (!head || head.contentLength > maxBodyBytes) {
      this.#handOver(bytes);
      return;
    }
    const response = new PlainResponse(this.#socket, this);
    response.shouldKeepAlive = !this.#draining;
    const { url, rawHeaders, contentLength, bodyStart } = head;
    const bodyEnd = bodyStart + contentLength;
    const body = bytes.subarray(bodyStart, bodyEnd);
    const inbound = new InboundRequest(
      { method: "POST", url, rawHeaders, socket: this.#socket, body },
      response,
    );
    if (bytes.length >= bodyEnd) {
      if (bytes.length > bodyEnd) this.#ahead = bytes.subarray(bodyEnd);
      this.#serve(inbound);
    } else if (this.#owner.identify(inbound) && this.#reserve(body.length)) {
      this.sinceMs = inbound.arrivedAtMs;
      this.#coming = { inbound, contentLength };
      this.#parts = [body];
      this.#missingBytes = bodyEnd - bytes.length;
    } else {
      // Nothing is held for strangers: there, the body is not read before they are known.
      this.#handOver(bytes);
    }
  }

  #takePart(
    { inbound, contentLength }: { readonly inbound: InboundRequest; readonly contentLength: number },
    chunk: Buffer,
  ): void {
    const used = Math.min(chunk.length, this.#missingBytes);
    if (!this.#reserve(used)) {
      this.#refuse("503 Service Unavailable");
      return;
    }
    this.#parts.push(used === chunk.length ? chunk : chunk.subarray(0, used));
    this.#missingBytes -= used;
    if (this.#missingBytes > 0) return;
    if (used < chunk.length) this.#ahead = chunk.subarray(used);
    inbound.body = Buffer.concat(this.#parts, contentLength);
    this.#coming = undefined;
    this.#parts = [];
    this.#release();
    this.#serve(inbound);
  }

  #serve(inbound: InboundRequest): void {
    this.#inbound = inbound;
    void this.#owner.serve(inbound);
  }

  #keepAhead(chunk: Buffer): void {
    this.#ahead = this.#ahead ? Buffer.concat([this.#ahead, chunk]) : chunk;
    if (this.#ahead.length > maxAheadBytes) this.#socket.pause();
  }

  #reserve(bytes: number): boolean {
    if (!this.#owner.bodies.reserve(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  #release(): void {
    if (this.#reservedBytes === 0) return;
    this.#owner.bodies.unreserve(this.#reservedBytes);
    this.#reservedBytes = 0;
  }

  #refuse(status: string): void {
    this.#socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    this.#socket.destroySoon();
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("error", this.#onError);
    socket.off("close", this.#onClose);
    this.#owner.closed(this);
    this.#owner.handOver(socket, bytes);
  }
}
