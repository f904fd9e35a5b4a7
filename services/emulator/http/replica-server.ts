import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import type { Face } from "./face.ts";

/** Idle connections are kept longer than proxies keep them, so that a proxy never sends on one that closes. */
const keepAliveMs = 75_000;

/** One replica that listens. */
export interface ReplicaServer {
  /** Base URL without a trailing slash. */
  readonly endpoint: string;
  /** Ends all connections and the engine; safe to call twice. */
  close(): Promise<void>;
}

/** Binds one replica; port 0 takes a free one. */
export async function listenReplica(face: Face, host: string, port: number): Promise<ReplicaServer> {
  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    void face.handle(request, response);
  });
  try {
    await listening(server, host, port);
  } catch (error) {
    face.stop();
    throw bindError(error as NodeJS.ErrnoException, host, port);
  }
  const address = server.address() as AddressInfo;
  const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
  return {
    endpoint: `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`,
    close() {
      face.stop();
      server.close();
      server.closeAllConnections();
      return closed;
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function bindError(error: NodeJS.ErrnoException, host: string, port: number): PlatformError {
  const where = `${host}:${port}`;
  return error.code === "EADDRINUSE"
    ? new PlatformError([{ code: "LOCAL_PORT_IN_USE", message: `${where} is taken.` }], { cause: error })
    : new PlatformError(
        [
          {
            code: "EMULATOR_CONFIG_INVALID",
            message: `cannot listen on ${where} (${error.code ?? "unknown"}).`,
          },
        ],
        { cause: error },
      );
}
