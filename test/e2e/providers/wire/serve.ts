import { flushCompileCache } from "node:module";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import providerProtocol from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { providerService } from "./provider-service.ts";
import type { ResourceProvider } from "./resource-provider.ts";

const parentCheckMillis = 500;

/** Answers the engine that started this process, as long as it lives, and tells it the port on standard output. */
export async function serveProvider(provider: ResourceProvider, version: string): Promise<void> {
  const server = new Server({
    // State has no limit of its own; a routing table or a certificate bundle can pass gRPC's default of 4 MiB.
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  server.addService(providerProtocol.ResourceProviderService, providerService(provider, version));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  endWithParent();
  process.stdout.write(`${port}\n`);
  // The engine ends its plugins by a signal, at which Node would not keep what it compiled.
  flushCompileCache();
}

/** A killed engine says no goodbye, and a plugin that outlives it would stay for ever. */
function endWithParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, parentCheckMillis).unref();
}
