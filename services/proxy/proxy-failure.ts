/**
 * Every way in which the proxy itself refuses or fails a request. An engine's own answers, errors included, are passed
 * on with their status and are not in this list.
 */
export const proxyFailures = {
  BODY_NOT_JSON: { status: 400, summary: "The body is not a JSON object." },
  PREDICT_ENVELOPE_INVALID: { status: 400, summary: "The /predict envelope breaks its contract." },
  REQUEST_INVALID: { status: 400, summary: "A header or field of the request is not acceptable." },
  SERVICE_CLASS_UNKNOWN: { status: 400, summary: "The model is not served in this service class." },
  CREDENTIAL_MISSING: { status: 401, summary: "No credential was given." },
  CREDENTIAL_REFUSED: { status: 401, summary: "The credential is not valid here." },
  NOT_ALLOWED: { status: 403, summary: "The caller may not use this model." },
  PATH_UNKNOWN: { status: 404, summary: "The proxy has no such path." },
  SERVER_UNKNOWN: { status: 404, summary: "No inference server has this name or type." },
  MODEL_UNKNOWN: { status: 404, summary: "No inference server of this kind holds the model." },
  VERSION_UNKNOWN: { status: 404, summary: "The model has no such version." },
  METHOD_NOT_ALLOWED: { status: 405, summary: "The path exists, but not for this method." },
  BODY_TOO_LARGE: { status: 413, summary: "The body is larger than the proxy's limit." },
  ENCODING_UNSUPPORTED: { status: 415, summary: "The body is compressed where the proxy has to read it." },
  RATE_LIMITED: { status: 429, summary: "The caller has used up what it may ask for in a minute." },
  QUEUE_FULL: { status: 429, summary: "The model has as many requests waiting as it may." },
  CLIENT_CLOSED: { status: 499, summary: "The client went away before the answer was complete." },
  INTERNAL: { status: 500, summary: "The proxy failed." },
  ENGINE_UNREACHABLE: { status: 502, summary: "The inference engine cannot be reached." },
  ENGINE_FAILED: { status: 502, summary: "The inference engine broke off its answer." },
  ENGINE_ANSWER_INVALID: { status: 502, summary: "The inference engine's answer cannot be passed on." },
  MODEL_LOAD_FAILED: { status: 502, summary: "The inference engine could not load the model." },
  NO_ENDPOINT: { status: 503, summary: "The model has no running replica." },
  MODEL_NO_ROOM: { status: 503, summary: "The inference engine has no room for the model now." },
  OVERLOADED: { status: 503, summary: "The proxy holds as many request bytes as it may." },
  AUTH_UNAVAILABLE: { status: 503, summary: "It cannot be told now whether the credential is valid." },
  DEADLINE_EXCEEDED: { status: 504, summary: "The inference engine did not answer in time." },
} as const satisfies Record<string, { readonly status: number; readonly summary: string }>;

export type ProxyFailureCode = keyof typeof proxyFailures;

export interface ProxyFailureOptions extends ErrorOptions {
  /** The method that a path takes: the `Allow` of the answer. */
  readonly allow?: string;
  /**
   * When the client may try again, in whole seconds: the `Retry-After` of the answer.
   * @default the proxy does not say
   */
  readonly retryAfterSeconds?: number;
}

/**
 * A request that the proxy does not answer with an engine's answer. The message reaches the client, so it never holds
 * an upstream address or the text of a cause; those go to the log with `cause`.
 */
export class ProxyFailure extends Error {
  override readonly name = "ProxyFailure";
  readonly code: ProxyFailureCode;
  /** @see ProxyFailureOptions.retryAfterSeconds */
  readonly retryAfterSeconds: number | undefined;

  /** @see ProxyFailureOptions.allow */
  readonly allow: string | undefined;

  constructor(
    code: ProxyFailureCode,
    message: string = proxyFailures[code].summary,
    options?: ProxyFailureOptions,
  ) {
    // A refusal is an answer, not a fault: where it was made says nothing, and finding that out costs microseconds.
    const depth = Error.stackTraceLimit;
    if (code !== "INTERNAL") Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = depth;
    this.code = code;
    this.allow = options?.allow;
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }

  get status(): number {
    return proxyFailures[this.code].status;
  }
}
