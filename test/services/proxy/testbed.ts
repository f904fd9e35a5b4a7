import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino, type Logger } from "pino";
import { onTestFinished } from "vitest";
import type { RouteModel, RouteServer, RouteTarget } from "../../../platform/routes/routing-table.ts";
import type { ProxyOptions } from "../../../services/proxy/proxy-options.ts";
import type { LoadedRoutingTable } from "../../../services/proxy/routing/routing-index.ts";
import { startProxy, type RunningProxy } from "../../../services/proxy/server.ts";

/** What an engine was asked. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface Engine {
  readonly url: string;
  /** All requests so far, oldest first. */
  readonly received: readonly Received[];
  stop(): Promise<void>;
}

export type Answer = (received: Received, response: ServerResponse, message: IncomingMessage) => unknown;

/** A real HTTP server on a free port that answers as the test says; stopped when the test ends. */
export async function startEngine(answer: Answer, port = 0): Promise<Engine> {
  const received: Received[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const { method = "", url = "", headers } = message;
      const entry = { method, url, headers, body: Buffer.concat(chunks) };
      received.push(entry);
      answer(entry, response, message);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(stop);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, stop };
}

export function json(response: ServerResponse, status: number, value: unknown): void {
  const body = typeof value === "string" ? value : JSON.stringify(value);
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

/** An engine that answers every request with 200 and its own name. */
export function startNamedEngine(name: string): Promise<Engine> {
  return startEngine((_received, response) => json(response, 200, { engine: name }));
}

/** The URL of a port on which nothing listens. */
export async function deadUrl(): Promise<string> {
  const engine = await startEngine(() => {});
  await engine.stop();
  return engine.url;
}

export function target(endpoints: readonly string[], changes: Partial<RouteTarget> = {}): RouteTarget {
  return { group: "group", serviceClasses: ["Free"], endpoints, timeoutMs: 10_000, ...changes };
}

/** A Triton server with one model "bert" of version 1. */
export function tritonServer(endpoints: readonly string[], changes: Partial<RouteServer> = {}): RouteServer {
  return {
    name: "tabular",
    type: "triton",
    protocol: "open-inference-v2",
    loading: "preload",
    models: [{ name: "bert", versions: [{ version: "1", weight: 100, targets: [target(endpoints)] }] }],
    ...changes,
  };
}

/** A Triton server whose model "bert" has what a test is about. */
export function withModel(urls: readonly string[], changes: Partial<RouteModel>): RouteServer {
  const server = tritonServer(urls);
  return { ...server, models: server.models.map((model) => ({ ...model, ...changes })) };
}

/** A vLLM server with one model "llama" of version 1. */
export function vllmServer(endpoints: readonly string[], changes: Partial<RouteServer> = {}): RouteServer {
  return {
    name: "chat",
    type: "vllm",
    protocol: "openai",
    loading: "preload",
    models: [{ name: "llama", versions: [{ version: "1", weight: 100, targets: [target(endpoints)] }] }],
    ...changes,
  };
}

export function table(...servers: RouteServer[]): LoadedRoutingTable {
  return { apiVersion: "domino-inference/v1", kind: "RoutingTable", servers };
}

export interface TestProxy extends RunningProxy {
  readonly routesFile: string;
  /** Parsed log lines. */
  readonly logged: readonly Record<string, unknown>[];
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  predict(envelope: Record<string, unknown>, headers?: Record<string, string>): Promise<Response>;
  /** The value of a series of /metrics, or 0. */
  metric(series: string): Promise<number>;
}

/** A proxy on a free port with its own routing file; stopped when the test ends. */
export async function startTestProxy(
  routes: LoadedRoutingTable,
  options: Partial<ProxyOptions> = {},
): Promise<TestProxy> {
  const folder = await mkdtemp(join(tmpdir(), "proxy-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const routesFile = join(folder, "routes.json");
  await writeFile(routesFile, JSON.stringify(routes));
  const { log, logged } = captureLog();
  const proxy = await startProxy({
    routesFile,
    auth: { kind: "none" },
    log,
    port: 0,
    filesPollMs: 10,
    ...options,
  });
  onTestFinished(proxy.close);
  const post: TestProxy["post"] = (path, body, headers = {}) =>
    fetch(proxy.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
    });
  return {
    ...proxy,
    routesFile,
    logged,
    post,
    predict: (envelope, headers) =>
      post(
        "/predict",
        { inference_server_name: "tabular", model_name: "bert", payload: {}, ...envelope },
        headers,
      ),
    metric: async (series) => {
      const text = await (await fetch(`${proxy.url}/metrics`)).text();
      const line = text.split("\n").find((entry) => entry.startsWith(`${series} `));
      return line === undefined ? 0 : Number(line.slice(series.length + 1));
    },
  };
}

export function captureLog(): { log: Logger; logged: Record<string, unknown>[] } {
  const logged: Record<string, unknown>[] = [];
  const log = pino(
    { level: "trace", base: null },
    { write: (line: string) => logged.push(JSON.parse(line) as Record<string, unknown>) },
  );
  return { log, logged };
}

/** Replaces a file at once, as the swap of a ConfigMap does. */
export async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** Waits until the condition holds; the test's own time limit is the only one. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
