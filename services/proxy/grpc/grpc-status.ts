import { Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { ProxyFailure } from "../proxy-failure.ts";
import { lengthDelimitedField, varintField } from "./wire-format.ts";

/** How a call ends. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** An error that the engine answered by itself; its code and text are the client's to see, as in HTTP. */
export class EngineStatus extends Error {
  override readonly name = "EngineStatus";
  readonly code: status;

  constructor(code: status, details: string) {
    super(details);
    this.code = code;
  }
}

/** Where a failure does not say it: replicas that restart and full queues are better within seconds. */
const defaultRetryAfterSeconds = 1;

/** An engine's text beyond this many characters would not fit into trailers that every client takes. */
const maxDetailsLength = 4_096;

const codeOfHttpStatus: ReadonlyMap<number, status> = new Map([
  [400, status.INVALID_ARGUMENT],
  [401, status.UNAUTHENTICATED],
  [403, status.PERMISSION_DENIED],
  [404, status.NOT_FOUND],
  [405, status.UNIMPLEMENTED],
  [413, status.RESOURCE_EXHAUSTED],
  [415, status.UNIMPLEMENTED],
  [429, status.RESOURCE_EXHAUSTED],
  [499, status.CANCELLED],
  [502, status.UNAVAILABLE],
  [503, status.UNAVAILABLE],
  [504, status.DEADLINE_EXCEEDED],
]);

const httpStatusOfCode: ReadonlyMap<status, number> = new Map([
  [status.OK, 200],
  [status.CANCELLED, 499],
  [status.INVALID_ARGUMENT, 400],
  [status.DEADLINE_EXCEEDED, 504],
  [status.NOT_FOUND, 404],
  [status.ALREADY_EXISTS, 409],
  [status.PERMISSION_DENIED, 403],
  [status.RESOURCE_EXHAUSTED, 429],
  [status.FAILED_PRECONDITION, 400],
  [status.ABORTED, 409],
  [status.OUT_OF_RANGE, 400],
  [status.UNIMPLEMENTED, 501],
  [status.UNAVAILABLE, 503],
  [status.UNAUTHENTICATED, 401],
]);

/** The HTTP status of the same meaning, by which calls are counted next to requests. */
export function httpStatusOf(code: status): number {
  return httpStatusOfCode.get(code) ?? 500;
}

/** The status of a call that failed; the proxy's own failure goes along by its code in `x-error-code`. */
export function statusOf(failure: ProxyFailure | EngineStatus, requestId: string): CallStatus {
  const metadata = new Metadata();
  // The only place for it: calls that fail have no other metadata, but for streams that fail later on.
  metadata.set("x-request-id", requestId);
  if (failure instanceof EngineStatus) return { code: failure.code, details: failure.message, metadata };
  const code = codeOfHttpStatus.get(failure.status) ?? status.INTERNAL;
  metadata.set("x-error-code", failure.code);
  if (failure.status === 429 || failure.status === 503) {
    const { retryAfterSeconds = defaultRetryAfterSeconds } = failure;
    metadata.set("retry-after", String(retryAfterSeconds));
    // Clients with a retry policy wait for as long as this says instead of their own time.
    metadata.set("grpc-retry-pushback-ms", String(retryAfterSeconds * 1000));
    metadata.set("grpc-status-details-bin", retryDetails(code, failure.message, retryAfterSeconds));
  }
  return { code, details: failure.message, metadata };
}

/** `google.rpc.Status` with a `google.rpc.RetryInfo`, the form in which client libraries look for the delay. */
function retryDetails(code: status, message: string, retryAfterSeconds: number): Buffer {
  const retryDelay = lengthDelimitedField(1, varintField(1, retryAfterSeconds));
  const detail = Buffer.concat([
    lengthDelimitedField(1, "type.googleapis.com/google.rpc.RetryInfo"),
    lengthDelimitedField(2, retryDelay),
  ]);
  return Buffer.concat([
    varintField(1, code),
    lengthDelimitedField(2, message),
    lengthDelimitedField(3, detail),
  ]);
}

/**
 * Tells an engine's own error from one that this side's library made of a broken connection, whose text may name the
 * engine's address. Only an engine's trailers carry a content type, which every answer without messages has; where the
 * engine has sent headers before, only codes that the library never makes are taken for the engine's.
 */
export function failureOfEngine(error: ServiceError): ProxyFailure | EngineStatus {
  if (error.metadata.get("content-type").length > 0 || !madeByLibrary.has(error.code)) {
    return new EngineStatus(error.code, error.details.slice(0, maxDetailsLength));
  }
  switch (error.code) {
    case status.DEADLINE_EXCEEDED:
      return new ProxyFailure("DEADLINE_EXCEEDED", undefined, { cause: error });
    case status.RESOURCE_EXHAUSTED:
    case status.UNIMPLEMENTED:
      return new ProxyFailure("ENGINE_ANSWER_INVALID", undefined, { cause: error });
    default:
      return new ProxyFailure("ENGINE_FAILED", undefined, { cause: error });
  }
}

const madeByLibrary: ReadonlySet<status> = new Set([
  status.CANCELLED,
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.PERMISSION_DENIED,
  status.RESOURCE_EXHAUSTED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.UNAUTHENTICATED,
]);
