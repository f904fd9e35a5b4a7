import { Metadata } from "@grpc/grpc-js";
import type { GrpcRoute } from "./grpc-services.ts";
import type { IncomingCall } from "./incoming-call.ts";

/**
 * Metadata of an answer: to which call, and who gave it.
 *
 * @param route that of an engine's answer; undefined for one of the proxy's own
 */
export function answerMetadata({ requestId }: IncomingCall, route?: GrpcRoute): Metadata {
  const metadata = new Metadata();
  metadata.set("x-request-id", requestId);
  if (!route) return metadata;
  metadata.set("x-inference-server", route.server.name);
  if (route.version) metadata.set("x-model-version", route.version);
  return metadata;
}
