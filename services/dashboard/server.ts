import { createServer, type ServerResponse } from "node:http";
import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import type { AddressInfo } from "node:net";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import type { PlatformPlan } from "../../platform/plan/platform-plan.ts";
import { liveFigures, type LiveFigures, type Snapshot } from "./live-figures.ts";
import { parseMetrics } from "./metrics-text.ts";

export interface DashboardOptions {
  readonly plan: PlatformPlan;
  /** Base URL of the proxy, whose /metrics the figures come from. */
  readonly proxyUrl: string;
  /** @default 127.0.0.1: the page has no login. */
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port: number;
}

export interface RunningDashboard {
  readonly url: string;
  close(): Promise<void>;
}

/** Time between two readings of the proxy's metrics. */
const readEveryMs = 1_000;
/** Rates and percentiles are over this time: long enough to be steady at a few requests a second. */
const windowMs = 15_000;

const files: Readonly<Record<string, { readonly url: URL; readonly type: string }>> = {
  "/": { url: new URL("page/index.html", import.meta.url), type: "text/html; charset=utf-8" },
  "/page.js": { url: new URL("page/page.js", import.meta.url), type: "text/javascript; charset=utf-8" },
  "/page.css": { url: new URL("page/page.css", import.meta.url), type: "text/css; charset=utf-8" },
  "/uplot.js": {
    url: new URL(import.meta.resolve("uplot/dist/uPlot.esm.js")),
    type: "text/javascript; charset=utf-8",
  },
  "/uplot.css": {
    url: new URL(import.meta.resolve("uplot/dist/uPlot.min.css")),
    type: "text/css; charset=utf-8",
  },
};

/** Serves one page with the plan and, once a second, what the proxy measures. */
export async function startDashboard(options: DashboardOptions): Promise<RunningDashboard> {
  const host = options.host ?? "127.0.0.1";
  const listeners = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    // Not parsed as a URL: "//" is a path that a client may send, and no URL.
    const [path = "/"] = (request.url ?? "/").split("?");
    if (request.method !== "GET" && request.method !== "HEAD")
      return answer(response, 405, "text/plain", "GET only\n");
    if (path === "/plan.json") return answer(response, 200, "application/json", JSON.stringify(options.plan));
    if (path === "/events") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write("retry: 1000\n\n");
      listeners.add(response);
      response.on("close", () => listeners.delete(response));
      return;
    }
    const file = files[path];
    if (!file) return answer(response, 404, "text/plain", "not found\n");
    readFile(file.url).then(
      (body) => answer(response, 200, file.type, body),
      () => answer(response, 500, "text/plain", "the page's files are missing\n"),
    );
  });
  const reading = startReading(options, (figures) => {
    for (const listener of listeners) listener.write(`data: ${JSON.stringify(figures)}\n\n`);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(options.port, host, resolve);
    });
  } catch (error) {
    reading.stop();
    throw portError(error, host, options.port);
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    async close() {
      reading.stop();
      for (const listener of listeners) listener.end();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function startReading(options: DashboardOptions, emit: (figures: LiveFigures) => void): { stop(): void } {
  const snapshots: Snapshot[] = [];
  const stopped = new AbortController();
  const read = async () => {
    const response = await fetch(`${options.proxyUrl}/metrics`, { signal: stopped.signal });
    const newer = { atMs: performance.now(), samples: parseMetrics(await response.text()) };
    const [oldest] = snapshots;
    snapshots.push(newer);
    while (snapshots.length > 1 && newer.atMs - (snapshots[0]?.atMs ?? 0) > windowMs) snapshots.shift();
    if (oldest) emit(liveFigures(options.plan, oldest, newer));
  };
  // A proxy that is away for a moment leaves a gap in the chart, nothing more.
  const timer = setInterval(() => void read().catch(() => undefined), readEveryMs);
  return {
    stop() {
      clearInterval(timer);
      stopped.abort();
    },
  };
}

function answer(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response
    .writeHead(status, {
      "content-type": type,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      // uPlot positions its parts by style attributes.
      "content-security-policy":
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    })
    .end(body);
}

function portError(error: unknown, host: string, port: number): unknown {
  const reason = (error as NodeJS.ErrnoException).code;
  if (reason !== "EADDRINUSE") {
    return new PlatformError(
      [
        {
          code: "LOCAL_START_FAILED",
          message: `the page cannot listen on port ${port} of ${host} (${reason})`,
        },
      ],
      { cause: error },
    );
  }
  return new PlatformError([
    {
      code: "LOCAL_PORT_IN_USE",
      message: `the page's port ${port} on ${host} is taken`,
      remedy: "Stop what listens there, or choose another with --page-port (0 takes a free one).",
    },
  ]);
}
