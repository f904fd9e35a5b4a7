import type { Metadata } from "@grpc/grpc-js";
import type { IncomingCall } from "./incoming-call.ts";

/**
 * Metadata of a client that never go to an engine: credentials, what the proxy decides by itself, what belongs to one
 * connection, and claims about the client that only a trusted hop may make.
 */
const dropped: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "proxy-authenticate",
  "proxy-connection",
  "cookie",
  "cookie2",
  "api-key",
  "x-api-key",
  "x-inference-server",
  "x-model-version",
  "x-service-class",
  "x-data-plane",
  "x-request-id",
  "forwarded",
  "via",
  "x-real-ip",
  "user-agent",
  "connection",
  "keep-alive",
  "te",
  "host",
  "content-type",
  "content-length",
  "accept-encoding",
]);

const droppedPrefixes = ["x-domino-", "x-forwarded-", "grpc-", ":"];

/** The metadata that go to an engine: the client's own ones, the call's id, and its place in a trace. */
export function upstreamMetadata({ metadata: client, requestId, served: { trace } }: IncomingCall): Metadata {
  const metadata = client.clone();
  // The single values of `getMap` are enough: only the names matter here.
  for (const name of Object.keys(client.getMap())) {
    if (dropped.has(name) || droppedPrefixes.some((prefix) => name.startsWith(prefix))) metadata.remove(name);
  }
  metadata.set("x-request-id", requestId);
  if (!trace) return metadata;
  metadata.set("traceparent", trace.traceparent);
  if (trace.tracestate === undefined) metadata.remove("tracestate");
  else metadata.set("tracestate", trace.tracestate);
  return metadata;
}
