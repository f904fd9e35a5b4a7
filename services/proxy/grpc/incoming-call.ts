import { randomUUID } from "node:crypto";
import type { PeerCertificate } from "node:tls";
import { status, type Metadata, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { ProxyFailure, type ProxyFailureCode } from "../proxy-failure.ts";
import type { ArrivedCall, GrpcRoute, GrpcServices, ServedCall } from "./grpc-services.ts";
import { httpStatusOf } from "./grpc-status.ts";
import type { HeldBytes } from "./held-bytes.ts";
import { inferringMethods } from "./open-inference-service.ts";

/** A call of a client while the proxy works on it. */
export class IncomingCall implements ArrivedCall {
  readonly path: string;
  readonly infers: boolean;
  readonly metadata: Metadata;
  readonly requestId: string;
  readonly arrivedAtMs = performance.now();
  readonly clientAddress: string | undefined;
  /** When the client gives up, on the clock of `performance.now()`; Infinity where it does not say. */
  readonly clientDeadlineMs: number;
  readonly served: ServedCall;
  route: GrpcRoute | undefined;
  /** Why the proxy refused or failed the call. */
  failure: ProxyFailure | undefined;
  firstAnswerAtMs: number | undefined;
  requestBytes = 0;
  answerBytes = 0;
  /** The call has its status, or the client has gone. */
  ended = false;
  readonly #call: ServerInterceptingCallInterface;
  readonly #held: HeldBytes;
  #heldBytes = 0;

  constructor(
    path: string,
    metadata: Metadata,
    call: ServerInterceptingCallInterface,
    services: GrpcServices,
    held: HeldBytes,
  ) {
    this.path = path;
    this.infers = inferringMethods.has(path);
    this.metadata = metadata;
    this.clientAddress = call.getConnectionInfo().remoteAddress;
    this.clientDeadlineMs = this.arrivedAtMs + (Number(call.getDeadline()) - Date.now());
    this.#call = call;
    this.#held = held;
    const id = this.firstHeader("x-request-id");
    this.requestId = id !== undefined && /^[A-Za-z0-9._:-]{1,128}$/.test(id) ? id : randomUUID();
    this.served = services.begin(this);
  }

  clientCertificate(): PeerCertificate | undefined {
    // The library shows none that was not verified, also where the server would let such connections in.
    return this.#call.getAuthContext().sslPeerCertificate;
  }

  /** A header's value. HTTP/2 joins one that is given twice to "a, b", which is no name or key of anything. */
  header(name: string): string | undefined {
    const value = this.firstHeader(name);
    if (value === "") throw new ProxyFailure("REQUEST_INVALID", `The metadata "${name}" must have a value.`);
    return value;
  }

  firstHeader(name: string): string | undefined {
    const [value] = this.metadata.get(name);
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

  /** Settles what came of the call; does nothing where it had ended before. */
  end(code: status, errorCode: ProxyFailureCode | undefined = this.failure?.code): void {
    if (this.ended) return;
    this.ended = true;
    this.#held.release(this.#heldBytes);
    this.served.ended({
      grpcStatus: code,
      httpStatus: this.failure && code !== status.CANCELLED ? this.failure.status : httpStatusOf(code),
      errorCode,
      firstAnswerAtMs: this.firstAnswerAtMs,
      requestBytes: this.requestBytes,
      answerBytes: this.answerBytes,
    });
  }
}
