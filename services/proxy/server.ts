import type { IncomingMessage, ServerResponse } from "node:http";
import { Server as HttpsServer } from "node:https";
import { openAuthenticator } from "./auth/open-authenticator.ts";
import type { ProxyServices } from "./handlers/services.ts";
import { BodyReader } from "./inbound/body-reader.ts";
import { loadCertificate, watchCertificate } from "./inbound/certificate.ts";
import { createServer, listen } from "./inbound/http-server.ts";
import { InboundRequest } from "./inbound/inbound-request.ts";
import { serveRequest } from "./inbound/serve-request.ts";
import { ProxyMetrics } from "./measures/proxy-metrics.ts";
import {
  bufferedBodiesFactor,
  leastDrainTimeoutMs,
  proxyDefaults,
  type ProxyOptions,
} from "./proxy-options.ts";
import { watchRoutes } from "./routes-watcher.ts";
import { indexRoutes, type RoutingIndex } from "./routing/routing-index.ts";
import { Deadlines } from "./upstream/connection/deadlines.ts";
import { Endpoints } from "./upstream/endpoints.ts";
import { ModelLoader } from "./upstream/model-loader.ts";

export interface RunningProxy {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Stops accepting, lets requests in flight end (streams too) until the drain deadline, then breaks off the rest. */
  close(): Promise<void>;
}

/** Starts a proxy. Throws a `PlatformError` for a bad routing table, bad TLS files or a port that is taken. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { auth, log, routesFile, tls, random = Math.random } = options;
  const settings = { ...proxyDefaults, ...options };
  const metrics = new ProxyMetrics();
  const endpoints = new Endpoints(random);
  const deadlines = new Deadlines();
  const server = createServer(tls && (await loadCertificate(tls)));
  const authenticator = await openAuthenticator(auth, { log, filesPollMs: settings.filesPollMs });
  let index: RoutingIndex = indexRoutes({
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    servers: [],
  });
  const routesWatcher = await watchRoutes(routesFile, settings.filesPollMs, log, (table) => {
    index = indexRoutes(table);
    endpoints.use(index.targets, (_target, url) => [url]);
    metrics.routeReloads.inc();
  });
  const certificateWatcher =
    tls && server instanceof HttpsServer
      ? await watchCertificate(server, tls, settings.filesPollMs, log)
      : undefined;
  let draining = false;
  const services: ProxyServices = {
    routes: () => index,
    upstream: {
      endpoints,
      deadlines,
      loader: new ModelLoader({ endpoints, deadlines }),
      streamIdleMs: settings.streamIdleMs,
    },
    bodies: new BodyReader(settings.maxBodyBytes, settings.maxBodyBytes * bufferedBodiesFactor),
    metrics,
    random,
    maxBodyBytes: settings.maxBodyBytes,
    ready: () => !draining,
  };

  server.on("request", (message: IncomingMessage, response: ServerResponse) => {
    if (draining) response.shouldKeepAlive = false;
    response.once("close", () => {
      // A connection that falls idle during the drain would keep the server open.
      if (draining) server.closeIdleConnections();
    });
    void serveRequest(services, authenticator, log, new InboundRequest(message, response));
  });

  const release = async (): Promise<void> => {
    routesWatcher.close();
    certificateWatcher?.close();
    endpoints.destroy();
    await authenticator.close();
  };
  const drain = async (): Promise<void> => {
    draining = true;
    const timeoutMs = options.drainTimeoutMs ?? Math.max(index.longestTimeoutMs, leastDrainTimeoutMs);
    const deadline = setTimeout(() => server.closeAllConnections(), timeoutMs);
    await new Promise((resolve) => server.close(resolve));
    clearTimeout(deadline);
    await release();
  };

  let port: number;
  try {
    port = await listen(server, settings.host, settings.port);
  } catch (error) {
    await release();
    throw error;
  }
  const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host;
  let drained: Promise<void> | undefined;
  return { url: `${tls ? "https" : "http"}://${host}:${port}`, port, close: () => (drained ??= drain()) };
}
