import type { IncomingMessage } from "node:http";
import { ProxyFailure } from "../proxy-failure.ts";
import { BodyBuffers } from "./body-buffers.ts";
import type { InboundRequest } from "./inbound-request.ts";
import { StreamedBody } from "./streamed-body.ts";

/** Longest body that is held although nobody reads it, in bytes: requests of that size are worth repeating. */
const streamedBytes = 1024 * 1024;

/** Memory that is kept for the bodies to come, in bytes: a few large ones, or some hundred small ones. */
const maxFreeBufferBytes = 16 * 1024 * 1024;

/**
 * Reads request bodies into memory, within a limit for each and one for all together: without the second, a few
 * hundred clients with bodies just below the first would exhaust the proxy's memory. Answers that are held back count
 * as well.
 */
export class BodyReader {
  readonly buffers = new BodyBuffers(maxFreeBufferBytes);
  /** Longest body of a request, in bytes. */
  readonly maxBodyBytes: number;
  readonly #maxHeldBytes: number;
  #heldBytes = 0;

  constructor(maxBodyBytes: number, maxHeldBytes: number) {
    this.maxBodyBytes = maxBodyBytes;
    this.#maxHeldBytes = maxHeldBytes;
  }

  /**
   * The body for an engine that gets it unread: as a stream where it is large and its length is known, else in memory,
   * from where it can be sent a second time.
   */
  pass(inbound: InboundRequest): Buffer | Promise<Buffer> | StreamedBody {
    const { body } = inbound;
    if (Buffer.isBuffer(body)) return this.read(inbound);
    const declared = this.#declared(inbound);
    return declared > streamedBytes ? new StreamedBody(inbound, body, declared) : this.read(inbound);
  }

  /** Reads the body; its bytes count as held until the request is released. Rejects with a `ProxyFailure`. */
  read(inbound: InboundRequest): Buffer | Promise<Buffer> {
    const { body } = inbound;
    if (!Buffer.isBuffer(body)) {
      this.#declared(inbound);
      return this.#collect(inbound, body);
    }
    if (body.length > this.maxBodyBytes) throw this.#tooLarge();
    this.hold(inbound, body.length);
    return body;
  }

  /** Counts bytes that are kept in memory before there is a request. Returns false where there are too many. */
  reserve(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#maxHeldBytes) return false;
    this.#heldBytes += bytes;
    return true;
  }

  unreserve(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** Counts bytes that are kept in memory for a request. Throws `OVERLOADED` where there are too many. */
  hold(inbound: InboundRequest, bytes: number): void {
    inbound.heldBytes += bytes;
    this.#heldBytes += bytes;
    if (this.#heldBytes > this.#maxHeldBytes) throw new ProxyFailure("OVERLOADED");
  }

  /** The request has ended, and nothing is kept for it any more. */
  release(inbound: InboundRequest): void {
    this.#heldBytes -= inbound.heldBytes;
    inbound.heldBytes = 0;
    if (inbound.bodyBuffer && inbound.isBodyUsedUp) this.buffers.give(inbound.bodyBuffer);
    inbound.bodyBuffer = undefined;
  }

  /** The length that the client says, 0 where it says none. */
  #declared(inbound: InboundRequest): number {
    const declared = Number(inbound.firstHeader("content-length") ?? 0);
    if (declared > this.maxBodyBytes) throw this.#tooLarge();
    return declared;
  }

  #collect(inbound: InboundRequest, message: IncomingMessage): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let first: Buffer | undefined;
      let others: Buffer[] | undefined;
      let bytes = 0;
      let settled = false;
      message.on("data", (chunk: Buffer) => {
        if (settled) return;
        bytes += chunk.length;
        inbound.requestBytes += chunk.length;
        try {
          if (bytes > this.maxBodyBytes) throw this.#tooLarge();
          this.hold(inbound, chunk.length);
        } catch (failure) {
          settled = true;
          message.pause();
          reject(failure as ProxyFailure);
          return;
        }
        if (!first) first = chunk;
        else (others ??= []).push(chunk);
      });
      message.on("end", () => {
        if (settled) return;
        settled = true;
        // Most bodies come in one chunk, which needs no copy.
        resolve(first ? (others ? Buffer.concat([first, ...others], bytes) : first) : Buffer.alloc(0));
      });
      message.on("close", () => {
        if (settled) return;
        settled = true;
        reject(new ProxyFailure("CLIENT_CLOSED"));
      });
    });
  }

  #tooLarge(): ProxyFailure {
    return new ProxyFailure("BODY_TOO_LARGE", `The body must not be larger than ${this.maxBodyBytes} bytes.`);
  }
}

/** Refuses a compressed body where the proxy has to read it. */
export function expectPlainBody(inbound: InboundRequest): void {
  const encoding = inbound.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw new ProxyFailure("ENCODING_UNSUPPORTED");
}
