import { Pool } from "undici";

/** An answer of another service; `body` only with status 200. */
export interface JsonAnswer {
  readonly status: number;
  readonly body?: unknown;
}

const connections = 16;
const timeoutMs = 5_000;

/** One resource of another service, read within limits of time and size. Redirects are not followed. */
export class JsonSource {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #maxBytes: number;

  constructor(url: URL, maxBytes: number) {
    this.#pool = new Pool(url.origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      connectTimeout: timeoutMs,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    this.#path = url.pathname + url.search;
    this.#maxBytes = maxBytes;
  }

  /** Rejects where there is no answer, or one of 200 that is too long or no JSON. */
  async get(headers: Readonly<Record<string, string>> = {}): Promise<JsonAnswer> {
    const { statusCode, body } = await this.#pool.request({
      method: "GET",
      path: this.#path,
      headers: { ...headers, accept: "application/json" },
      // A service that sends byte by byte would else hold the request for ever.
      signal: AbortSignal.timeout(2 * timeoutMs),
    });
    if (statusCode !== 200) {
      await body.dump();
      return { status: statusCode };
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > this.#maxBytes) throw new Error(`the answer is longer than ${this.#maxBytes} bytes`);
      chunks.push(chunk);
    }
    return { status: statusCode, body: JSON.parse(Buffer.concat(chunks).toString("utf8")) };
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
