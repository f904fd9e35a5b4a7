import {
  ServerInterceptingCall,
  status,
  type Metadata,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import type { Logger } from "pino";
import { ProxyFailure, type ProxyFailureCode } from "../proxy-failure.ts";
import type { GrpcServices } from "./grpc-services.ts";
import { statusOf } from "./grpc-status.ts";
import type { HeldBytes } from "./held-bytes.ts";
import { IncomingCall } from "./incoming-call.ts";
import { openMethods } from "./open-inference-service.ts";

/** A client that goes away this shortly before its deadline is taken to have gone because of it. */
const deadlineSlackMs = 20;

export interface CallGateOptions {
  readonly services: GrpcServices;
  readonly held: HeldBytes;
  readonly log: Logger;
  /** Longest time from a call's metadata to the end of its request, or of a stream's first message, in ms. */
  readonly messageTimeoutMs: number;
}

/**
 * Stands before all calls that need a credential: it authenticates them before it lets a message be read, so that
 * strangers cannot make the proxy hold any, and sees every call to its end.
 */
export class CallGate {
  readonly #options: CallGateOptions;
  /** Handlers are given a call's metadata; the same object leads to what is known of the call. */
  readonly #calls = new WeakMap<Metadata, IncomingCall>();

  constructor(options: CallGateOptions) {
    this.#options = options;
  }

  /** The call that a handler was given, by its metadata. */
  incoming(metadata: Metadata): IncomingCall {
    const incoming = this.#calls.get(metadata);
    if (!incoming) throw new ProxyFailure("INTERNAL");
    return incoming;
  }

  readonly interceptor: ServerInterceptor = ({ path, requestStream }, call) =>
    openMethods.has(path) ? new ServerInterceptingCall(call) : this.#guarded(path, requestStream, call);

  #guarded(path: string, streams: boolean, call: ServerInterceptingCallInterface): ServerInterceptingCall {
    let incoming: IncomingCall | undefined;
    let timer: NodeJS.Timeout | undefined;
    const end = (code: status, errorCode?: ProxyFailureCode): void => {
      clearTimeout(timer);
      this.#ended(incoming, code, errorCode);
    };
    const refuse = (error: unknown): void => {
      if (!incoming || incoming.ended) return;
      incoming.failure = asFailure(error);
      const refusal = statusOf(incoming.failure, incoming.requestId);
      end(refusal.code);
      call.sendStatus(refusal);
    };
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, pass) => {
            const { services, held } = this.#options;
            incoming = new IncomingCall(path, metadata, call, services, held);
            this.#calls.set(metadata, incoming);
            timer = setTimeout(
              () => refuse(new ProxyFailure("DEADLINE_EXCEEDED", "No message came in time.")),
              this.#options.messageTimeoutMs,
            );
            this.#authenticate(incoming, () => pass(metadata), refuse);
          },
          onReceiveMessage: (message: Buffer, pass) => {
            if (streams) clearTimeout(timer);
            try {
              incoming?.hold(message.length);
            } catch (error) {
              refuse(error);
              return;
            }
            pass(message);
          },
          onReceiveHalfClose: (pass) => {
            clearTimeout(timer);
            pass();
          },
          onCancel: () => {
            // The client ends the call by the same deadline, on its own clock.
            const late = Number(call.getDeadline()) <= Date.now() + deadlineSlackMs;
            if (late) end(status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
            else end(status.CANCELLED, "CLIENT_CLOSED");
          },
        });
      },
      sendStatus: (callStatus, next) => {
        end(callStatus.code ?? status.UNKNOWN);
        next(callStatus);
      },
    });
  }

  /** Goes on at once where the principal is known, without a promise. */
  #authenticate(incoming: IncomingCall, pass: () => void, refuse: (error: unknown) => void): void {
    try {
      const identified = incoming.served.authenticate();
      if (!identified) {
        pass();
        return;
      }
      identified.then(() => {
        if (!incoming.ended) pass();
      }, refuse);
    } catch (error) {
      refuse(error);
    }
  }

  #ended(incoming: IncomingCall | undefined, code: status, errorCode: ProxyFailureCode | undefined): void {
    if (!incoming || incoming.ended) return;
    const { failure } = incoming;
    if (failure && failure.status >= 500) {
      const cause = failure.cause instanceof Error ? failure.cause.message : undefined;
      this.#options.log.warn(
        { requestId: incoming.requestId, code: failure.code, cause, model: incoming.route?.model.name },
        "call failed",
      );
    }
    incoming.end(code, errorCode);
  }
}

export function asFailure(error: unknown): ProxyFailure {
  return error instanceof ProxyFailure ? error : new ProxyFailure("INTERNAL", undefined, { cause: error });
}
