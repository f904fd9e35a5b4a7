import type { AnswerHead } from "./connection/answer-parser.ts";
import { Exchange, type AnswerSink, type ExchangeOwner } from "./exchange.ts";
import type { Deadlines } from "./connection/deadlines.ts";
import type { Endpoints } from "./endpoints.ts";
import { ProxyFailure } from "../proxy-failure.ts";

/** A question of the proxy's own to an engine, such as to load a model. */
export interface EngineQuestion {
  readonly method: "GET" | "POST";
  /** Below the endpoint's base URL, percent-encoded. */
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  readonly timeoutMs: number;
}

export interface EngineReply {
  readonly status: number;
  readonly body: Buffer;
}

/** Longest reply in bytes; an index of thousands of models is some 100 KiB. */
const maxReplyBytes = 1024 * 1024;

/** Asks one endpoint. Rejects with a `ProxyFailure`. */
export function askEngine(
  { endpoints, deadlines }: { readonly endpoints: Endpoints; readonly deadlines: Deadlines },
  url: string,
  { method, path, body, timeoutMs }: EngineQuestion,
): Promise<EngineReply> {
  return new Promise((resolve, reject) => {
    const collector = new Collector(resolve, reject);
    const request = {
      method,
      path,
      headerLines: "content-type: application/json\r\naccept: application/json\r\n",
      body: body === undefined ? undefined : Buffer.from(body),
    };
    const times = {
      deadlines,
      deadlineMs: performance.now() + timeoutMs,
      streamIdleMs: timeoutMs,
      patienceMs: 0.9 * timeoutMs,
    };
    new Exchange(endpoints.get(url), request, collector, times, collector).start();
  });
}

class Collector implements AnswerSink, ExchangeOwner {
  #status = 0;
  #bytes = 0;
  readonly #chunks: Buffer[] = [];
  readonly #resolve: (reply: EngineReply) => void;
  readonly #reject: (failure: ProxyFailure) => void;

  constructor(resolve: (reply: EngineReply) => void, reject: (failure: ProxyFailure) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start({ status }: AnswerHead): boolean {
    this.#status = status;
    return false;
  }

  data(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > maxReplyBytes) throw new ProxyFailure("ENGINE_ANSWER_INVALID");
    this.#chunks.push(Buffer.from(chunk));
    return true;
  }

  end(): void {}

  onDone(failure: ProxyFailure | undefined): void {
    if (failure) this.#reject(failure);
    else this.#resolve({ status: this.#status, body: Buffer.concat(this.#chunks) });
  }
}
