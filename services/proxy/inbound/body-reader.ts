import { ProxyFailure } from "../proxy-failure.ts";
import type { InboundRequest } from "./inbound-request.ts";

/**
 * Reads request bodies into memory, within a limit for each and one for all together: without the second, a few
 * hundred clients with bodies just below the first would exhaust the proxy's memory.
 */
export class BodyReader {
  readonly #maxBodyBytes: number;
  readonly #maxBufferedBytes: number;
  #bufferedBytes = 0;

  constructor(maxBodyBytes: number, maxBufferedBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  /** Reads the body and passes it to `use`; its bytes count as buffered until `use` has settled. */
  async withBody(inbound: InboundRequest, use: (body: Buffer) => Promise<void>): Promise<void> {
    const declared = Number(inbound.message.headers["content-length"] ?? 0);
    if (declared > this.#maxBodyBytes) throw this.#tooLarge();
    const held = { bytes: 0 };
    try {
      await use(await this.#read(inbound, held));
    } finally {
      this.#bufferedBytes -= held.bytes;
    }
  }

  #read({ message }: InboundRequest, held: { bytes: number }): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const stop = (failure: ProxyFailure): void => {
        message.removeAllListeners("data");
        message.pause();
        reject(failure);
      };
      message.on("data", (chunk: Buffer) => {
        held.bytes += chunk.length;
        this.#bufferedBytes += chunk.length;
        if (held.bytes > this.#maxBodyBytes) stop(this.#tooLarge());
        else if (this.#bufferedBytes > this.#maxBufferedBytes) stop(new ProxyFailure("OVERLOADED"));
        else chunks.push(chunk);
      });
      message.on("end", () => resolve(joined(chunks)));
      message.on("close", () => reject(new ProxyFailure("CLIENT_CLOSED")));
      message.on("error", () => reject(new ProxyFailure("CLIENT_CLOSED")));
    });
  }

  #tooLarge(): ProxyFailure {
    return new ProxyFailure(
      "BODY_TOO_LARGE",
      `The body must not be larger than ${this.#maxBodyBytes} bytes.`,
    );
  }
}

/** Refuses a compressed body where the proxy has to read it. */
export function expectPlainBody(inbound: InboundRequest): void {
  const encoding = inbound.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw new ProxyFailure("ENCODING_UNSUPPORTED");
}

/** Most bodies come in one chunk, which needs no copy. */
function joined(chunks: readonly Buffer[]): Buffer {
  const [first, ...rest] = chunks;
  return first && rest.length === 0 ? first : Buffer.concat(chunks);
}
