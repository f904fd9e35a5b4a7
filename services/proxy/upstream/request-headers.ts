import type { InboundRequest } from "../inbound/inbound-request.ts";
import type { RequestSpan } from "../tracing/tracing.ts";

/**
 * Headers of a client that never go upstream: those that belong to one connection, credentials, what the proxy decides
 * by itself, and claims about the client that only a trusted hop may make.
 */
const dropped = new Set([
  // One connection only (RFC 9110, 7.6.1); the body is sent whole, so its length and framing are the proxy's.
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "expect",
  "host",
  "content-length",
  // Credentials, which an engine has no use for and might log.
  "authorization",
  "proxy-authorization",
  "proxy-authenticate",
  "proxy-connection",
  "cookie",
  "cookie2",
  "api-key",
  "x-api-key",
  // Routing and identity.
  "x-inference-server",
  "x-model-version",
  "x-service-class",
  "x-data-plane",
  "timeout",
  "x-request-id",
  "forwarded",
  "via",
  "x-real-ip",
  // Set for every request below.
  "accept-encoding",
]);

const droppedPrefixes = ["x-domino-", "x-forwarded-"];

/**
 * The header lines that go upstream, from those of the client, which Node's parser has freed of line ends. Answers are asked for uncompressed, because token streams are measured and /predict results are
 * put into an envelope.
 */
export function upstreamHeaderLines({ rawHeaders, id, span }: InboundRequest): string {
  const nominated = connectionNominated(rawHeaders);
  let lines = `x-request-id: ${id}\r\naccept-encoding: identity\r\n`;
  if (span) lines += traceLines(span);
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = "", value = ""] = [rawHeaders[index]?.toLowerCase(), rawHeaders[index + 1]];
    if (
      dropped.has(name) ||
      // Servers that make variables of headers read `_` as `-`: it would be another way to say any of the above.
      name.includes("_") ||
      nominated?.has(name) ||
      (span && (name === "traceparent" || name === "tracestate")) ||
      droppedPrefixes.some((prefix) => name.startsWith(prefix))
    )
      continue;
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** The span that stands between the client's and the engine's. */
export function traceLines({ traceparent, tracestate }: RequestSpan): string {
  const state = tracestate === undefined ? "" : `tracestate: ${tracestate}\r\n`;
  return `traceparent: ${traceparent}\r\n${state}`;
}

/** Headers that the client's `Connection` header declares to be for its own connection; undefined for none. */
function connectionNominated(rawHeaders: readonly string[]): ReadonlySet<string> | undefined {
  let nominated: Set<string> | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== "connection") continue;
    for (const token of rawHeaders[index + 1]?.split(",") ?? []) {
      const name = token.trim().toLowerCase();
      if (name === "keep-alive" || name === "close" || name === "") continue;
      nominated ??= new Set();
      nominated.add(name);
    }
  }
  return nominated;
}
