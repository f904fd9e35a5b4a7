import type { Socket } from "node:net";
import { ProxyFailure, type ProxyFailureCode } from "../../proxy-failure.ts";
import type { BodyReader } from "../body-reader.ts";
import { InboundRequest } from "../inbound-request.ts";
import { takeReads, type ConnectionReader } from "./own-reads.ts";
import { PlainResponse, type ResponseOwner } from "./plain-response.ts";
import { readRequestHead } from "./request-head.ts";

/** Longest body that is taken here, in bytes: longer ones are read as a stream, with the limits of that. */
const maxPlainBodyBytes = 4 * 1024 * 1024;

/** What a client has sent ahead of its turn beyond this makes it wait, in bytes. */
const maxAheadBytes = 64 * 1024;

/**
 * All connections read their heads, and what comes with them, into these bytes, one after the other: a read is used up
 * before the next begins.
 */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A request whose body is still coming. */
interface Coming {
  readonly inbound: InboundRequest;
  /** As long as the body will be. */
  readonly body: Buffer;
}

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
export class PlainConnection implements ResponseOwner, ConnectionReader {
  target: Buffer = readBuffer;
  /**
   * When the request or the wait for one began, on the clock of `performance.now()`; 0 where nobody has looked since.
   */
  sinceMs = 0;
  readonly #socket: Socket;
  readonly #clientAddress: string | undefined;
  readonly #owner: PlainConnectionOwner;
  #inbound: InboundRequest | undefined;
  #coming: Coming | undefined;
  /** How much of the coming body is there. */
  #comeBytes = 0;
  #reservedBytes = 0;
  /** Sent ahead while a request is answered, until its turn has come. */
  #ahead: Buffer | undefined;
  #aheadIsDue = false;
  #draining = false;
  /** Refused, and to be closed: what still comes is not looked at. */
  #refused = false;
  #handedOver = false;

  constructor(socket: Socket, owner: PlainConnectionOwner) {
    this.#socket = socket;
    this.#clientAddress = socket.remoteAddress;
    this.#owner = owner;
    socket.setNoDelay(true);
    if (!takeReads(socket, this)) socket.on("data", this.#onData);
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
    this.sinceMs = 0;
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

  onRead(bytes: number, target: Buffer): boolean {
    if (this.#handedOver) return this.#socket.push(Buffer.from(target.subarray(0, bytes)));
    // A target of its own is the place in the body where these bytes belong.
    if (target !== readBuffer) this.#took(bytes, undefined);
    else this.#onData(target.subarray(0, bytes));
    return !this.#socket.isPaused();
  }

  /** The bytes are valid during the call only. */
  readonly #onData = (bytes: Buffer): void => {
    if (this.#refused) return;
    if (this.#inbound || this.#aheadIsDue) this.#keepAhead(bytes);
    else if (this.#coming) this.#takePart(this.#coming, bytes);
    else this.#begin(bytes);
  };

  /** Who closes its side has gone, as for Node's HTTP server: an answer would find no reader. */
  readonly #onEnd = (): void => {
    this.#socket.destroy();
  };

  readonly #onError = (): void => {};

  readonly #onClose = (): void => {
    this.#release();
    this.#owner.closed(this);
    if (this.#coming) this.#serveRefused(this.#coming, "CLIENT_CLOSED");
    this.#inbound?.closed();
  };

  #begin(bytes: Buffer): void {
    const head = readRequestHead(bytes);
    const { buffers, maxBodyBytes } = this.#owner.bodies;
    if (!head || head.contentLength > Math.min(maxPlainBodyBytes, maxBodyBytes)) {
      this.#handOver(bytes);
      return;
    }
    const response = new PlainResponse(this.#socket, this);
    response.shouldKeepAlive = !this.#draining;
    const { url, rawHeaders, contentLength, bodyStart } = head;
    const bodyEnd = bodyStart + contentLength;
    const bodyBuffer = buffers.take(contentLength);
    const body = bodyBuffer.subarray(0, contentLength);
    bytes.copy(body, 0, bodyStart, bodyEnd);
    const inbound = new InboundRequest(
      { method: "POST", url, rawHeaders, socket: this.#socket, clientAddress: this.#clientAddress, body },
      response,
    );
    inbound.bodyBuffer = bodyBuffer;
    if (bytes.length >= bodyEnd) {
      if (bytes.length > bodyEnd) this.#ahead = Buffer.from(bytes.subarray(bodyEnd));
      this.#serve(inbound);
    } else if (this.#owner.identify(inbound) && this.#reserve(bytes.length - bodyStart)) {
      this.sinceMs = inbound.arrivedAtMs;
      inbound.isWhole = false;
      this.#coming = { inbound, body };
      this.#comeBytes = bytes.length - bodyStart;
      this.target = body.subarray(this.#comeBytes);
    } else {
      // Nothing is held for strangers: there, the body is not read before they are known.
      buffers.give(bodyBuffer);
      this.#handOver(bytes);
    }
  }

  #takePart(coming: Coming, bytes: Buffer): void {
    const used = bytes.copy(coming.body, this.#comeBytes);
    this.#took(used, used < bytes.length ? bytes.subarray(used) : undefined);
  }

  /** So many bytes of the coming body are in their place. `more`: what came after its end. */
  #took(bytes: number, more: Buffer | undefined): void {
    const coming = this.#coming;
    if (!coming) return;
    if (!this.#reserve(bytes)) {
      this.#serveRefused(coming, "OVERLOADED");
      return;
    }
    this.#comeBytes += bytes;
    if (this.#comeBytes < coming.body.length) {
      this.target = coming.body.subarray(this.#comeBytes);
      return;
    }
    this.target = readBuffer;
    this.#coming = undefined;
    this.#ahead = more && Buffer.from(more);
    this.#release();
    this.#serve(coming.inbound);
  }

  #serve(inbound: InboundRequest): void {
    this.#inbound = inbound;
    void this.#owner.serve(inbound);
  }

  /** Ends a request whose body does not come to its end, as others end: with an answer, a line and a count. */
  #serveRefused({ inbound }: Coming, code: ProxyFailureCode): void {
    this.#coming = undefined;
    this.target = readBuffer;
    this.#release();
    inbound.refusal = new ProxyFailure(code);
    inbound.gone = code === "CLIENT_CLOSED";
    inbound.requestBytes = this.#comeBytes;
    inbound.response.shouldKeepAlive = false;
    // What still comes of the body is not the next request.
    this.#refused = true;
    this.#serve(inbound);
  }

  #keepAhead(bytes: Buffer): void {
    this.#ahead = this.#ahead ? Buffer.concat([this.#ahead, bytes]) : Buffer.from(bytes);
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
    this.#refused = true;
    this.#coming = undefined;
    this.target = readBuffer;
    this.#socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    this.#socket.destroySoon();
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    this.#handedOver = true;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("error", this.#onError);
    socket.off("close", this.#onClose);
    this.#owner.closed(this);
    this.#owner.handOver(socket, Buffer.from(bytes));
  }
}
