import { randomUUID } from "node:crypto";
import { status, type Metadata } from "@grpc/grpc-js";
import { ProxyFailure } from "../proxy-failure.ts";
import type { EndedCall, GrpcRoute, Principal } from "./grpc-services.ts";
import { httpStatusOf } from "./grpc-status.ts";
import type { HeldBytes } from "./held-bytes.ts";

/** A call of a client while the proxy works on it. */
export class IncomingCall {
  /** Such as `ModelInfer`. */
  readonly method: string;
  readonly metadata: Metadata;
  /** The client's `x-request-id` where that is safe to log and pass on, else a new one. */
  readonly id: string;
  /** On the clock of `performance.now()`. */
  readonly arrivedAtMs = performance.now();
  principal: Principal;
  route: GrpcRoute | undefined;
  /** Why the proxy refused or failed the call. */
  failure: ProxyFailure | undefined;
  firstAnswerAtMs: number | undefined;
  requestBytes = 0;
  answerBytes = 0;
  /** The call has its status, or the client has gone. */
  ended = false;
  readonly #held: HeldBytes;
  #heldBytes = 0;

  constructor(method: string, metadata: Metadata, held: HeldBytes) {
    this.method = method;
    this.metadata = metadata;
    this.#held = held;
    const id = metadata.get("x-request-id")[0];
    this.id = typeof id === "string" && /^[A-Za-z0-9._:-]{1,128}$/.test(id) ? id : randomUUID();
  }

  /** A header's value. HTTP/2 joins one that is given twice to "a, b", which is no name or key of anything. */
  header(name: string): string | undefined {
    const [value] = this.metadata.get(name);
    if (value === "") throw new ProxyFailure("REQUEST_INVALID", `The metadata "${name}" must have a value.`);
    return typeof value === "string" ? value : undefined;
  }

  /**
   * Counts a message that arrived.
   *
   * @throws ProxyFailure OVERLOADED where all calls together hold too much
   */
  hold(bytes: number): void {
    this.requestBytes += bytes;
    if (!this.#held.take(bytes)) throw new ProxyFailure("OVERLOADED");
    this.#heldBytes += bytes;
  }

  /** A message has gone on to the engine. */
  passedOn(bytes: number): void {
    if (this.ended) return;
    this.#heldBytes -= bytes;
    this.#held.release(bytes);
  }

  /** What the call comes to; undefined where it had ended before. */
  end(code: status): EndedCall | undefined {
    if (this.ended) return undefined;
    this.ended = true;
    this.#held.release(this.#heldBytes);
    return {
      requestId: this.id,
      method: this.method,
      principal: this.principal,
      route: this.route,
      grpcStatus: code,
      httpStatus: this.failure && code !== status.CANCELLED ? this.failure.status : httpStatusOf(code),
      arrivedAtMs: this.arrivedAtMs,
      firstAnswerAtMs: this.firstAnswerAtMs,
      requestBytes: this.requestBytes,
      answerBytes: this.answerBytes,
    };
  }
}
