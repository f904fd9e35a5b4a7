import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { anonymous, type Principal } from "../auth/principal.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import type { Route } from "../routing/resolve.ts";

/** A request of a client while the proxy works on it. */
export class InboundRequest {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** The client's `x-request-id` where that is safe to log and pass on, else a new one. */
  readonly id: string;
  /** On the clock of `performance.now()`. */
  readonly arrivedAtMs = performance.now();
  /** Without the query string, which no path here takes. */
  readonly path: string;
  /** Who asks, once that is known. */
  principal: Principal = anonymous;
  /** Where the request goes, once that is known. */
  route: Route | undefined;
  /** The client closed its connection before it had the whole answer. */
  gone = false;
  #onGone: (() => void) | undefined;

  constructor(message: IncomingMessage, response: ServerResponse) {
    this.message = message;
    this.response = response;
    const id = message.headers["x-request-id"];
    this.id = typeof id === "string" && /^[A-Za-z0-9._:-]{1,128}$/.test(id) ? id : randomUUID();
    const url = message.url ?? "/";
    const query = url.indexOf("?");
    this.path = query < 0 ? url : url.slice(0, query);
    response.setHeader("x-request-id", this.id);
    response.on("close", () => {
      if (response.writableFinished) return;
      this.gone = true;
      this.#onGone?.();
    });
  }

  /** Sets what to stop when the client goes away; replaces what was set before. */
  onGone(stop: () => void): void {
    this.#onGone = stop;
  }

  /** One value of a header; a header that is given twice is refused, because engines and proxies pick differently. */
  header(name: string): string | undefined {
    const values = this.message.headersDistinct[name];
    if (!values || values.length === 0) return undefined;
    const [value] = values;
    if (values.length > 1 || !value) {
      throw new ProxyFailure("REQUEST_INVALID", `The header "${name}" must be given once, with a value.`);
    }
    return value;
  }
}
