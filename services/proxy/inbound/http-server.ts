import { createServer as createHttpServer, type Server as HttpServer, type ServerOptions } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import type { Certificate } from "./certificate.ts";

/** Slow clients: a whole request (64 MiB at about 4 Mbit/s) within two minutes, in ms. */
export const requestTimeoutMs = 120_000;

/** Above the 60 s of AWS load balancers, which would else send a request into a connection that is being closed. */
export const keepAliveTimeoutMs = 75_000;

const serverOptions: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: requestTimeoutMs,
  keepAliveTimeout: keepAliveTimeoutMs,
  // How often the times above are looked at; by default so rarely that they are twice as long.
  connectionsCheckingInterval: 2_000,
};

/** An HTTP server, or an HTTPS server where there is a certificate. */
export function createServer(certificate: Certificate | undefined): HttpServer | HttpsServer {
  return certificate
    ? createHttpsServer({ ...serverOptions, ...certificate })
    : createHttpServer(serverOptions);
}

/** Listens and returns the port. */
export function listen(server: HttpServer | HttpsServer, host: string, port: number): Promise<number> {
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
