import type { ProxyFailure } from "../proxy-failure.ts";
import type { InboundRequest } from "./inbound-request.ts";

/** Whose form an answer of the proxy itself takes, so that each client finds errors where it looks for them. */
export type AnswerStyle = "predict" | "open-inference" | "openai";

/** Longest time to swallow the rest of a refused body, so that the client gets to read why it was refused. */
const lingerMs = 1_000;

export function answerJson(inbound: InboundRequest, status: number, value: unknown): void {
  answerBytes(inbound, status, Buffer.from(JSON.stringify(value)));
}

export function answerBytes(
  inbound: InboundRequest,
  status: number,
  body: Buffer,
  type = "application/json",
  headers: readonly string[] = [],
): void {
  const { body: sent, method, response } = inbound;
  inbound.writeHead(status, ["content-type", type, "content-length", String(body.length), ...headers]);
  if (Buffer.isBuffer(sent) || sent.complete || method === "GET") {
    inbound.end(body);
    return;
  }
  // The body is still coming. Closing at once would reset the connection under the client's unread answer.
  response.shouldKeepAlive = false;
  inbound.write(body);
  const finish = (): void => {
    clearTimeout(timer);
    inbound.end();
  };
  const timer = setTimeout(finish, lingerMs);
  sent.once("end", finish);
  sent.once("close", finish);
  sent.resume();
}

/** Answers with a failure of the proxy, in the form that the protocol's clients expect. */
export function answerFailure(inbound: InboundRequest, style: AnswerStyle, failure: ProxyFailure): void {
  const { status } = failure;
  // Replicas that restart and keys that cannot be checked are back within seconds.
  const retryAfter = failure.retryAfterSeconds ?? (status === 503 ? 1 : undefined);
  answerBytes(inbound, status, Buffer.from(JSON.stringify(failureBody(style, failure))), "application/json", [
    ...(status === 401 ? ["www-authenticate", `Bearer realm="domino"`] : []),
    ...(failure.allow === undefined ? [] : ["allow", failure.allow]),
    ...(retryAfter === undefined ? [] : ["retry-after", String(retryAfter)]),
  ]);
}

export function failureBody(style: AnswerStyle, { code, message, status }: ProxyFailure): unknown {
  switch (style) {
    case "predict":
      return { status_code: status, error: { code, message } };
    case "open-inference":
      return { error: message };
    case "openai":
      return {
        error: {
          message,
          type: status >= 500 ? "server_error" : "invalid_request_error",
          param: null,
          code: code === "MODEL_UNKNOWN" ? "model_not_found" : code,
        },
      };
  }
}
