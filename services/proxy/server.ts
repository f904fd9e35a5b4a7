import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { Server as HttpsServer } from "node:https";
import type { Logger } from "pino";
import { Admission } from "./admission/admission.ts";
import { AuditLog } from "./audit/audit-log.ts";
import { openAuthenticator } from "./auth/open-authenticator.ts";
import type { RunningGrpc } from "./grpc/start-grpc.ts";
import { grpcServices } from "./grpc-bridge.ts";
import type { ProxyServices } from "./handlers/services.ts";
import { BodyReader } from "./inbound/body-reader.ts";
import { loadCertificate, watchCertificate } from "./inbound/certificate.ts";
import { createServer, listen } from "./inbound/http-server.ts";
import type { InboundRequest } from "./inbound/inbound-request.ts";
import { nodeRequest } from "./inbound/node-request.ts";
import { PlainDoor } from "./inbound/plain/plain-door.ts";
import { serveMeasures, serveRequest } from "./inbound/serve-request.ts";
import { Lifecycle } from "./lifecycle.ts";
import { LiveRoutes } from "./live-routes.ts";
import { registerDiscovery } from "./measures/discovery-metrics.ts";
import { ProxyMetrics } from "./measures/proxy-metrics.ts";
import {
  bufferedBodiesFactor,
  leastDrainTimeoutMs,
  proxyDefaults,
  type ProxyOptions,
} from "./proxy-options.ts";
import { watchRoutes } from "./routes-watcher.ts";
import type { Tracing } from "./tracing/tracing.ts";
import { Deadlines } from "./upstream/connection/deadlines.ts";
import { Endpoints } from "./upstream/endpoints.ts";
import { ActiveHealth } from "./upstream/health/active-health.ts";
import { ModelLoader } from "./upstream/model-loader.ts";

export interface RunningProxy {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Where the metrics and health paths are, where they have a port of their own. */
  readonly metricsPort: number | undefined;
  readonly grpcPort: number | undefined;
  /** Stops accepting, lets requests in flight end (streams too) until the drain deadline, then breaks off the rest. */
  close(): Promise<void>;
}

/** Starts a proxy. Throws a `PlatformError` for a bad routing table, bad files or a port that is taken. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { auth, log, routesFile, tls, random = Math.random } = options;
  const settings = { ...proxyDefaults, ...options };
  const lifecycle = new Lifecycle();
  try {
    const metrics = new ProxyMetrics();
    const certificate = tls && (await loadCertificate(tls));
    const server = createServer(certificate);
    const authenticator = await openAuthenticator(auth, { log, filesPollMs: settings.filesPollMs });
    lifecycle.behind(() => authenticator.close());
    const health = ActiveHealth.start({ log });
    lifecycle.behind(() => health.close());
    const endpoints = new Endpoints(random, (url) => health.healthy(url));
    lifecycle.behind(() => endpoints.destroy());
    const deadlines = new Deadlines();
    const admission = new Admission();
    const loader = new ModelLoader({ endpoints, deadlines });
    lifecycle.behind(() => loader.close());
    let grpc: RunningGrpc | undefined;
    const live = new LiveRoutes({
      log,
      endpoints,
      admission,
      health,
      loader,
      retain: (urls) => grpc?.retain(urls),
    });
    lifecycle.behind(() => live.close());
    registerDiscovery(metrics.registry, () => live.discovered);
    const routesWatcher = await watchRoutes(routesFile, settings.filesPollMs, log, (table) => {
      live.use(table);
      metrics.routeReloads.inc();
    });
    lifecycle.behind(() => routesWatcher.close());
    const tracing = options.tracing === "otlp" ? await startTraces(log, tls ? "https" : "http") : undefined;
    if (tracing) lifecycle.behind(() => tracing.close());
    let draining = false;
    const services: ProxyServices = {
      routes: () => live.index,
      upstream: {
        endpoints,
        deadlines,
        loader,
        streamIdleMs: settings.streamIdleMs,
      },
      bodies: new BodyReader(settings.maxBodyBytes, settings.maxBodyBytes * bufferedBodiesFactor),
      metrics,
      admission,
      audit: options.audit && AuditLog.open(options.audit),
      tracing,
      random,
      maxBodyBytes: settings.maxBodyBytes,
      metricsApart: settings.metricsListen !== undefined,
      ready: () => !draining && live.ready,
    };
    const drainTimeoutMs = (): number =>
      options.drainTimeoutMs ?? Math.max(live.index.longestTimeoutMs, leastDrainTimeoutMs);

    const serve = (inbound: InboundRequest): Promise<void> =>
      serveRequest(services, authenticator, log, inbound);
    server.on("request", (message: IncomingMessage, response: ServerResponse) => {
      if (draining) response.shouldKeepAlive = false;
      void serve(nodeRequest(message, response));
    });
    const plain = new PlainDoor(server, services.bodies, authenticator, serve);
    const port = await listen(server, settings.host, settings.port);
    lifecycle.door(() => closeServer(server, drainTimeoutMs(), plain));

    let metricsPort: number | undefined;
    if (settings.metricsListen) {
      const { host, port: wanted } = settings.metricsListen;
      const measures = createServer(undefined);
      measures.on("request", (message: IncomingMessage, response: ServerResponse) => {
        void serveMeasures(services, nodeRequest(message, response));
      });
      metricsPort = await listen(measures, host, wanted);
      // Closed after the requests have ended: probes and scrapers see the drain to its end.
      lifecycle.behind(() => closeServer(measures, 0));
    }
    if (settings.grpcListen) {
      // Imported here alone: the library costs tens of MiB that most proxies need not hold.
      const { startGrpc } = await import("./grpc/start-grpc.ts");
      grpc = await startGrpc({
        listen: settings.grpcListen,
        ...(certificate ? { tls: certificate } : {}),
        services: grpcServices(services, authenticator),
        log,
        maxMessageBytes: settings.maxBodyBytes,
        drainTimeoutMs,
        streamIdleMs: settings.streamIdleMs,
      });
      const running = grpc;
      lifecycle.door(() => running.close());
    }
    if (tls && server instanceof HttpsServer) {
      const watcher = await watchCertificate(
        grpc ? [server, grpc] : [server],
        tls,
        settings.filesPollMs,
        log,
      );
      lifecycle.behind(() => watcher.close());
    }

    const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host;
    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => {
      draining = true;
      return (closed ??= lifecycle.close());
    };
    return {
      url: `${tls ? "https" : "http"}://${host}:${port}`,
      port,
      metricsPort,
      grpcPort: grpc?.port,
      close,
    };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

/** Imported here alone: the packages cost memory and start-up time that most proxies need not spend. */
async function startTraces(log: Logger, scheme: "http" | "https"): Promise<Tracing> {
  const { startTracing } = await import("./tracing/start-tracing.ts");
  return startTracing({ log, scheme });
}

/** How often connections are closed that have fallen idle during a drain, in ms. */
const closeIdleMs = 50;

/** Lets requests in flight end, and breaks them off after the timeout. */
async function closeServer(
  server: HttpServer | HttpsServer,
  timeoutMs: number,
  plain?: PlainDoor,
): Promise<void> {
  const deadline = setTimeout(() => {
    server.closeAllConnections();
    plain?.destroy();
  }, timeoutMs);
  plain?.drain();
  // Connections whose last answer was under way at the start fall idle later, and would be kept open.
  const idle = setInterval(() => server.closeIdleConnections(), closeIdleMs);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(deadline);
  clearInterval(idle);
  plain?.destroy();
}
