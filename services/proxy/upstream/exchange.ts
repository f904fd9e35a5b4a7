import type { Dispatcher } from "undici";
import { ProxyFailure } from "../proxy-failure.ts";
import type { Endpoint } from "./endpoints.ts";

export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What is sent to an engine. */
export interface UpstreamRequest {
  readonly method: "GET" | "POST";
  /** Below the endpoint's base URL. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer | null;
}

/** Takes an engine's answer. */
export interface AnswerSink {
  /** Called once, before anything has reached the client. Returns true if the answer is a stream of tokens. */
  start(status: number, headers: UpstreamHeaders): boolean;
  /** Returns false to ask for a pause until `resume` is called. */
  data(chunk: Buffer, resume: () => void): boolean;
  end(): void;
}

export interface ExchangeTimes {
  /** When the request as a whole has to be answered, on the clock of `performance.now()`. */
  readonly deadlineMs: number;
  /** Longest silence within a stream of tokens, and longest time that a client may leave its stream unread. */
  readonly streamIdleMs: number;
}

/**
 * One request to one endpoint: a state machine on undici's dispatch handler. Without it, a failure before the first
 * byte was sent (which may be repeated elsewhere) could not be told from a later one (which may not).
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #endpoint: Endpoint;
  readonly #request: UpstreamRequest;
  readonly #sink: AnswerSink;
  readonly #times: ExchangeTimes;
  readonly #done = Promise.withResolvers<undefined>();
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settled = false;
  /** The connection stood and the request was about to be written. */
  #sent = false;
  /** The answer is a stream whose first byte has not come yet. */
  #awaitsFirstByte = false;
  #streaming = false;
  #paused = false;

  constructor(endpoint: Endpoint, request: UpstreamRequest, sink: AnswerSink, times: ExchangeTimes) {
    this.#endpoint = endpoint;
    this.#request = request;
    this.#sink = sink;
    this.#times = times;
  }

  /** Resolves when the sink has the whole answer; rejects with a `ProxyFailure`. */
  run(): Promise<void> {
    const { method, path, headers, body } = this.#request;
    this.#endpoint.outstanding++;
    const leftMs = this.#times.deadlineMs - performance.now();
    this.#timer = setTimeout(() => this.#expire(), Math.max(leftMs, 0));
    try {
      this.#endpoint.pool.dispatch(
        // The handler interface takes mutable headers, but only reads them.
        { method, path: this.#endpoint.basePath + path, headers: headers as string[], body },
        this,
      );
    } catch (error) {
      this.#settle(new ProxyFailure("ENGINE_FAILED", undefined, { cause: error }));
    }
    return this.#done.promise;
  }

  /** Gives the request up and breaks its connection, which tells the engine to stop working on it. */
  cancel(failure: ProxyFailure): void {
    if (this.#settled) return;
    this.#settle(failure);
    // A request that still waits for a connection has no controller yet; it is stopped in `onRequestStart`.
    this.#controller?.abort(failure);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#settled) {
      controller.abort(new ProxyFailure("CLIENT_CLOSED"));
      return;
    }
    this.#controller = controller;
    this.#sent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: UpstreamHeaders,
  ): void {
    // Early hints and the like precede the answer proper.
    if (this.#settled || status < 200) return;
    this.#guard(() => {
      if (status >= 300 && status < 400) throw new ProxyFailure("ENGINE_ANSWER_INVALID");
      this.#streaming = this.#sink.start(status, headers);
      this.#awaitsFirstByte = this.#streaming;
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    if (this.#awaitsFirstByte) {
      // A stream may last longer than any deadline for a single answer; from here on only silence ends it.
      this.#awaitsFirstByte = false;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#expire(), this.#times.streamIdleMs);
    } else if (this.#streaming) {
      this.#timer?.refresh();
    }
    this.#guard(() => {
      if (this.#sink.data(chunk, this.#resume)) return;
      this.#paused = true;
      controller.pause();
    });
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    this.#guard(() => this.#sink.end());
    this.#settle();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle(
      new ProxyFailure(this.#sent ? "ENGINE_FAILED" : "ENGINE_UNREACHABLE", undefined, { cause: error }),
    );
  }

  readonly #resume = (): void => {
    this.#paused = false;
    if (this.#streaming) this.#timer?.refresh();
    this.#controller?.resume();
  };

  #expire(): void {
    this.cancel(
      this.#streaming && this.#paused
        ? new ProxyFailure("CLIENT_CLOSED", "The client does not read its stream.")
        : new ProxyFailure("DEADLINE_EXCEEDED"),
    );
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.cancel(
        error instanceof ProxyFailure ? error : new ProxyFailure("INTERNAL", undefined, { cause: error }),
      );
    }
  }

  #settle(failure?: ProxyFailure): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#endpoint.outstanding--;
    clearTimeout(this.#timer);
    if (failure) this.#done.reject(failure);
    else this.#done.resolve(undefined);
  }
}
