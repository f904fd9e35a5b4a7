import { ProxyFailure } from "../proxy-failure.ts";
import type { AnswerHead } from "./connection/answer-parser.ts";
import { unwatched, type Deadlines, type Expiring } from "./connection/deadlines.ts";
import type { EngineConnection } from "./connection/engine-connection.ts";
import type { ConnectionSeeker, Endpoint } from "./endpoint.ts";

/** What is sent to an engine. */
export interface UpstreamRequest {
  readonly method: "GET" | "POST";
  /** Below the endpoint's base URL, percent-encoded. */
  readonly path: string;
  /** Whole lines, each with its end, in Latin-1; without those of the connection, the host and the length. */
  readonly headerLines: string;
  readonly body: Buffer | RequestStream | undefined;
}

/** A body that is not in memory. */
export interface RequestStream {
  /** In bytes. */
  readonly length: number;
  /** Whether bytes of it have been sent: then it cannot be sent to another endpoint. */
  readonly started: boolean;
  sendTo(target: BodyTarget): void;
}

/** Where a streamed body goes. */
export interface BodyTarget {
  /** Returns false to ask for a pause until `resume` is called. */
  writeBody(chunk: Buffer, resume: () => void): boolean;
}

/** Takes an engine's answer. Bytes are valid during the call only. */
export interface AnswerSink {
  /** Called once, before anything has reached the client. Returns true if the answer is a stream of tokens. */
  start(head: AnswerHead): boolean;
  /** Returns false to ask for a pause until `resume` is called. */
  data(chunk: Buffer, resume: () => void): boolean;
  end(): void;
}

/** Hears how an exchange ended, once. */
export interface ExchangeOwner {
  onDone(failure: ProxyFailure | undefined): void;
}

export interface ExchangeTimes {
  readonly deadlines: Deadlines;
  /** When the request as a whole has to be answered, on the clock of `performance.now()`. */
  readonly deadlineMs: number;
  /** How long an engine may take, in ms: one that lets a request wait for less is not to blame. */
  readonly patienceMs: number;
  /** Longest silence within a stream of tokens, and longest time that a client may leave its stream unread. */
  readonly streamIdleMs: number;
}

/** One request to one endpoint. Knows how far it came, which decides whether it may be repeated elsewhere. */
export class Exchange implements ConnectionSeeker, Expiring {
  expiresAtMs: number;
  watchPlace = unwatched;
  readonly endpoint: Endpoint;
  /** An answer has begun, so the sink has been told and the request can not be repeated. */
  answered = false;
  /** The connection had carried requests before: the engine may have closed it as this one was on its way. */
  reused = false;
  /** The answer has ended, and nothing of the request waits to be sent any more. */
  sentAll = false;
  readonly #request: UpstreamRequest;
  readonly #sink: AnswerSink;
  readonly #owner: ExchangeOwner;
  readonly #deadlines: Deadlines;
  readonly #streamIdleMs: number;
  readonly #patienceMs: number;
  #sentAtMs = Infinity;
  #connection: EngineConnection | undefined;
  #settled = false;
  #streaming = false;
  #paused = false;

  constructor(
    endpoint: Endpoint,
    request: UpstreamRequest,
    sink: AnswerSink,
    times: ExchangeTimes,
    owner: ExchangeOwner,
  ) {
    this.endpoint = endpoint;
    this.#request = request;
    this.#sink = sink;
    this.#owner = owner;
    this.#deadlines = times.deadlines;
    this.#streamIdleMs = times.streamIdleMs;
    this.#patienceMs = times.patienceMs;
    this.expiresAtMs = times.deadlineMs;
  }

  start(): void {
    this.endpoint.outstanding++;
    this.#deadlines.add(this);
    this.endpoint.seek(this);
  }

  /** Gives the request up and breaks its connection, which tells the engine to stop working on it. */
  cancel(failure: ProxyFailure): void {
    if (this.#settled) return;
    if (this.#connection) this.#connection.destroy();
    else this.endpoint.leave(this);
    this.#settle(failure);
  }

  expire(): void {
    // Of the time that a client was late, or did not want to give, the engine knows nothing.
    const nowMs = performance.now();
    if (!this.answered && nowMs - this.#sentAtMs >= this.#patienceMs) this.endpoint.breaker.failed(nowMs);
    this.cancel(
      this.#streaming && this.#paused
        ? new ProxyFailure("CLIENT_CLOSED", "The client does not read its stream.")
        : new ProxyFailure("DEADLINE_EXCEEDED"),
    );
  }

  onConnection(connection: EngineConnection): void {
    const { method, path, headerLines, body } = this.#request;
    this.#connection = connection;
    this.#sentAtMs = performance.now();
    this.reused = connection.wasUsed;
    const length = method === "GET" ? "" : `content-length: ${body?.length ?? 0}\r\n`;
    const head = `${method} ${this.endpoint.basePath}${path} HTTP/1.1\r\nhost: ${this.endpoint.authority}\r\n${headerLines}${length}\r\n`;
    if (!body || Buffer.isBuffer(body)) {
      connection.send(this, head, body);
    } else {
      connection.sendHead(this, head, body.length);
      body.sendTo(connection);
    }
  }

  onUnreachable(error: Error): void {
    this.#settle(new ProxyFailure("ENGINE_UNREACHABLE", undefined, { cause: error }));
  }

  onHead(head: AnswerHead): void {
    this.answered = true;
    this.endpoint.answered(head.status);
    try {
      if (head.status >= 300 && head.status < 400) throw new ProxyFailure("ENGINE_ANSWER_INVALID");
      this.#streaming = this.#sink.start(head);
    } catch (error) {
      this.#fail(error);
    }
  }

  onBody(chunk: Buffer): void {
    // A stream may last longer than any deadline for a single answer; from its first byte on only silence ends it.
    if (this.#streaming) this.expiresAtMs = performance.now() + this.#streamIdleMs;
    try {
      if (this.#sink.data(chunk, this.#resume)) return;
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#paused = true;
    this.#connection?.pause();
  }

  onEnd(): void {
    this.sentAll = this.#connection?.hasSentAll === true;
    this.#connection = undefined;
    try {
      this.#sink.end();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#settle(undefined);
  }

  onBroken(error: Error): void {
    this.#connection = undefined;
    this.#settle(new ProxyFailure("ENGINE_FAILED", undefined, { cause: error }));
  }

  readonly #resume = (): void => {
    this.#paused = false;
    if (this.#streaming) this.expiresAtMs = performance.now() + this.#streamIdleMs;
    this.#connection?.resume();
  };

  #fail(error: unknown): void {
    this.cancel(
      error instanceof ProxyFailure ? error : new ProxyFailure("INTERNAL", undefined, { cause: error }),
    );
  }

  #settle(failure: ProxyFailure | undefined): void {
    if (this.#settled) return;
    this.#settled = true;
    this.endpoint.outstanding--;
    this.#deadlines.delete(this);
    this.#owner.onDone(failure);
  }
}
