import { readFile } from "node:fs/promises";
import { createServer as createHttpServer, type Server, type ServerOptions } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import type { ProxyOptions } from "../proxy-options.ts";

const serverOptions: ServerOptions = {
  // Slow clients: all headers within 10 s, a whole request (64 MiB at about 4 Mbit/s) within two minutes.
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  // Above the 60 s of AWS load balancers, which would else send a request into a connection that is being closed.
  keepAliveTimeout: 75_000,
};

/** An HTTP server, or an HTTPS server where certificate and key are given. */
export async function createServer(tls: ProxyOptions["tls"]): Promise<Server> {
  if (!tls) return createHttpServer(serverOptions);
  try {
    const [cert, key] = await Promise.all([readFile(tls.certFile), readFile(tls.keyFile)]);
    return createHttpsServer({ ...serverOptions, cert, key, minVersion: "TLSv1.2" });
  } catch (error) {
    const message = `cannot use the certificate ${tls.certFile} with the key ${tls.keyFile} (${codeOf(error)})`;
    throw new PlatformError([{ code: "PROXY_CONFIG_INVALID", message, path: "--tls-cert" }], {
      cause: error,
    });
  }
}

/** Listens and returns the port. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const taken = codeOf(error) === "EADDRINUSE";
      reject(
        new PlatformError(
          [
            taken
              ? { code: "LOCAL_PORT_IN_USE", message: `port ${port} of ${host} is taken` }
              : {
                  code: "PROXY_CONFIG_INVALID",
                  message: `cannot listen on port ${port} of ${host} (${codeOf(error)})`,
                },
          ],
          { cause: error },
        ),
      );
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
}
