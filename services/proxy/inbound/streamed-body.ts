import type { IncomingMessage } from "node:http";
import type { BodyTarget } from "../upstream/exchange.ts";
import type { InboundRequest } from "./inbound-request.ts";

/** A body that goes to the engine as it comes from the client, held only as far as the engine is slower. */
export class StreamedBody {
  /** In bytes; Node's parser ends the message after exactly so many. */
  readonly length: number;
  /** Bytes have gone to an engine, so the request cannot be sent to another one. */
  started = false;
  readonly #inbound: InboundRequest;
  readonly #message: IncomingMessage;

  constructor(inbound: InboundRequest, message: IncomingMessage, length: number) {
    this.#inbound = inbound;
    this.#message = message;
    this.length = length;
  }

  sendTo(target: BodyTarget): void {
    this.started = true;
    const message = this.#message;
    message.on("data", (chunk: Buffer) => {
      this.#inbound.requestBytes += chunk.length;
      if (target.writeBody(chunk, () => message.resume())) return;
      message.pause();
    });
  }
}
