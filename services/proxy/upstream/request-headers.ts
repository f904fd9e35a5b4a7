import type { InboundRequest } from "../inbound/inbound-request.ts";
import type { RequestSpan } from "../tracing/tracing.ts";
import { staysHere } from "./dropped-headers.ts";

/**
 * The header lines that go upstream, from those of the client, which Node's parser has freed of line ends. Answers are
 * asked for uncompressed, because token streams are measured and /predict results are put into an envelope.
 */
export function upstreamHeaderLines({ rawHeaders, id, span }: InboundRequest): string {
  const nominated = connectionNominated(rawHeaders);
  let lines = `x-request-id: ${id}\r\naccept-encoding: identity\r\n`;
  if (span) lines += traceLines(span);
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = "", value = ""] = [rawHeaders[index]?.toLowerCase(), rawHeaders[index + 1]];
    if (
      staysHere(name) ||
      // Servers that make variables of headers read `_` as `-`: it would be another way to say any of the above.
      name.includes("_") ||
      nominated?.has(name) ||
      (span && (name === "traceparent" || name === "tracestate"))
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
