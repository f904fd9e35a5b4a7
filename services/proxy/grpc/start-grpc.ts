import type { SecureContextOptions, TlsOptions } from "node:tls";
import { logVerbosity, Server, ServerCredentials, setLogVerbosity, type ServerOptions } from "@grpc/grpc-js";
import type { Logger } from "pino";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { CallGate } from "./call-gate.ts";
import { StreamForwarder } from "./forward-stream.ts";
import { unaryForwarder } from "./forward-unary.ts";
import type { GrpcServices } from "./grpc-services.ts";
import { HeldBytes } from "./held-bytes.ts";
import { forwardedMethods, methods } from "./open-inference-service.ts";
import { healthCheck, repositoryIndex, serverLive, serverMetadata, serverReady } from "./server-answers.ts";
import { ServerCertificate } from "./server-certificate.ts";
import { UpstreamClients } from "./upstream-client.ts";

export interface GrpcOptions {
  /** Address to listen on; port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /**
   * Certificate and key, as for an HTTPS server.
   * @default plain text
   */
  readonly tls?: TlsOptions;
  readonly services: GrpcServices;
  readonly log: Logger;
  /** Longest message in either direction, in bytes. */
  readonly maxMessageBytes: number;
  /** Longest wait, in ms, for calls in flight at `close`. */
  readonly drainTimeoutMs: () => number;
  /**
   * Longest time from a call's metadata to the end of its request, in ms.
   * @default two minutes, as for requests of HTTP: 64 MiB at about 4 Mbit/s
   */
  readonly messageTimeoutMs?: number;
  /**
   * Longest silence of a stream, in ms, while the engine owes no answer.
   * @default 60 s
   */
  readonly streamIdleMs?: number;
}

export interface RunningGrpc {
  readonly port: number;
  /** New connections get this certificate; like the method of an HTTPS server. Without TLS it does nothing. */
  setSecureContext(options: SecureContextOptions): void;
  /** Closes the connections to endpoints that no route leads to any more, after their last call. */
  retain(endpoints: ReadonlySet<string>): void;
  /** Stops accepting, lets calls in flight end until the drain deadline, then breaks off the rest. */
  close(): Promise<void>;
}

/** Messages held at once, as a multiple of the longest; a few hundred clients could exhaust the memory otherwise. */
const heldMessagesFactor = 8;

/**
 * Starts the Open Inference Protocol over gRPC. This module loads the gRPC library, so it is imported only where gRPC
 * is asked for.
 *
 * @throws PlatformError LOCAL_PORT_IN_USE, PROXY_CONFIG_INVALID
 */
export async function startGrpc(options: GrpcOptions): Promise<RunningGrpc> {
  const { services, log, maxMessageBytes, listen, tls, drainTimeoutMs } = options;
  const { messageTimeoutMs = 120_000, streamIdleMs = 60_000 } = options;
  // It writes plain text to standard error; what it says is in the errors that it returns.
  setLogVerbosity(logVerbosity.NONE);
  const held = new HeldBytes(maxMessageBytes * heldMessagesFactor);
  const gate = new CallGate({ services, held, log, messageTimeoutMs });
  const clients = new UpstreamClients(maxMessageBytes);
  const server = new Server({ ...serverOptions(maxMessageBytes), interceptors: [gate.interceptor] });
  register(server, services, clients, gate, streamIdleMs);
  const certificate = tls && new ServerCertificate(tls);
  const port = await bind(server, listen, certificate ?? ServerCredentials.createInsecure());
  let closed: Promise<void> | undefined;
  return {
    port,
    setSecureContext: (context) => certificate?.setSecureContext(context),
    retain: (endpoints) => clients.retain(endpoints),
    close: () =>
      (closed ??= drain(server, addressOf(listen.host, port), drainTimeoutMs()).then(() =>
        clients.retain(new Set()),
      )),
  };
}

function register(
  server: Server,
  services: GrpcServices,
  clients: UpstreamClients,
  gate: CallGate,
  streamIdleMs: number,
): void {
  const unary = {
    ServerLive: serverLive(),
    ServerReady: serverReady(services),
    Check: healthCheck(services),
  };
  const { ServerLive, ServerReady, ServerMetadata, RepositoryIndex, ModelStreamInfer, Check } = methods;
  const forwarded = Object.fromEntries(forwardedMethods.map((name) => [name, methods[name]]));
  server.addService(
    { ServerLive, ServerReady, ServerMetadata, RepositoryIndex, ModelStreamInfer, Check, ...forwarded },
    {
      ...unary,
      ServerMetadata: serverMetadata(gate),
      RepositoryIndex: repositoryIndex(gate),
      ModelStreamInfer: StreamForwarder.handle(clients, gate, streamIdleMs),
      ...Object.fromEntries(
        forwardedMethods.map((name) => [name, unaryForwarder(clients, gate, methods[name])]),
      ),
    },
  );
}

function serverOptions(maxMessageBytes: number): ServerOptions {
  return {
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    // Above what one client process asks for at once; a client queues what is more.
    "grpc.max_concurrent_streams": 1_024,
    // Finds clients that vanished, and keeps load balancers (350 s at AWS) from dropping quiet connections.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    // Clients connect anew now and then, and so find replicas that were added. Calls in flight are not cut.
    "grpc.max_connection_age_ms": 30 * 60_000,
    "grpc.enable_channelz": 0,
  };
}

function addressOf(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function bind(
  server: Server,
  { host, port }: GrpcOptions["listen"],
  credentials: ServerCredentials,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(addressOf(host, port), credentials, (error, bound) => {
      if (!error) {
        resolve(bound);
        return;
      }
      const taken = error.message.includes("EADDRINUSE");
      reject(
        new PlatformError(
          [
            taken
              ? { code: "LOCAL_PORT_IN_USE", message: `port ${port} of ${host} is taken` }
              : { code: "PROXY_CONFIG_INVALID", message: `cannot listen on port ${port} of ${host}` },
          ],
          { cause: error },
        ),
      );
    });
  });
}

/**
 * The library's `forceShutdown` leaves connections open where channelz is off. Its `drain` does not, so it comes first;
 * the shutdown then ends with the last connection.
 */
function drain(server: Server, address: string, timeoutMs: number): Promise<void> {
  server.drain(address, timeoutMs);
  return new Promise((resolve) => server.tryShutdown(() => resolve()));
}
