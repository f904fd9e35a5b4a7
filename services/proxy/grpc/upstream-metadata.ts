import type { Metadata } from "@grpc/grpc-js";
import { staysHere } from "../upstream/dropped-headers.ts";
import type { IncomingCall } from "./incoming-call.ts";

/** What gRPC itself says of a call, to be said anew for the engine. */
const ownOfGrpc: ReadonlySet<string> = new Set(["user-agent", "content-type"]);
const ownPrefixes = ["grpc-", ":"];

function isDropped(name: string): boolean {
  // Engines of gRPC have metadata with `_` of their own, but written so it must not say any of the others.
  return (
    staysHere(name.replaceAll("_", "-")) ||
    ownOfGrpc.has(name) ||
    ownPrefixes.some((prefix) => name.startsWith(prefix))
  );
}

/** The metadata that go to an engine: the client's own ones, the call's id, and its place in a trace. */
export function upstreamMetadata({ metadata: client, requestId, served: { trace } }: IncomingCall): Metadata {
  const metadata = client.clone();
  // The single values of `getMap` are enough: only the names matter here.
  for (const name of Object.keys(client.getMap())) {
    if (isDropped(name)) metadata.remove(name);
  }
  metadata.set("x-request-id", requestId);
  if (!trace) return metadata;
  metadata.set("traceparent", trace.traceparent);
  if (trace.tracestate === undefined) metadata.remove("tracestate");
  else metadata.set("tracestate", trace.tracestate);
  return metadata;
}
