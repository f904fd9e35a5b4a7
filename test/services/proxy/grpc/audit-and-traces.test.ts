import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test, vi } from "vitest";
import { until } from "../testbed.ts";
import { startCollector } from "../tracing/collector.ts";
import { collected } from "./grpc-testbed.ts";
import { inferRequest } from "./messages.ts";
import { bert, inferPath, oneEngine } from "./proxied-engines.ts";

test("writes an audit line for each call that is no probe, answered or refused, without its payload", async () => {
  const { engine, client, lines } = await oneEngine();
  engine.answer = () => Promise.resolve(Buffer.from([1, 2, 3]));
  await client.call("ModelInfer", bert, { headers: { "x-request-id": "r-1" } });
  await client.call("ModelInfer", inferRequest({ modelName: "other" }));
  await client.call("ModelReady", bert);
  await client.call("RepositoryIndex", Buffer.alloc(0));
  await client.call("ServerReady", Buffer.alloc(0));
  const stream = client.stream();
  const ended = collected(stream);
  stream.end(bert);
  await ended;
  await until(() => lines.length === 5);
  expect(lines[0]).toMatchObject({
    requestId: "r-1",
    method: "POST",
    path: inferPath,
    clientAddress: "127.0.0.1",
    principal: { kind: "anonymous" },
    server: "tabular",
    model: "bert",
    version: "1",
    serviceClass: "Free",
    status: 200,
    requestBytes: bert.length,
    answerBytes: 3,
  });
  expect(lines[0]).not.toHaveProperty("errorCode");
  expect(lines[1]).toMatchObject({ status: 404, errorCode: "MODEL_UNKNOWN" });
  expect(lines[1]).not.toHaveProperty("model");
  expect(lines[2]).toMatchObject({
    path: "/inference.GRPCInferenceService/ModelReady",
    model: "bert",
    queueMs: 0,
    status: 200,
  });
  expect(lines[3]).toMatchObject({ path: "/inference.GRPCInferenceService/RepositoryIndex", status: 200 });
  expect(lines[4]).toMatchObject({ path: "/inference.GRPCInferenceService/ModelStreamInfer", status: 200 });
});

test("writes an audit line for a caller who is not let in, of whom it knows nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "proxy-tokens-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "tokens.json");
  await writeFile(file, "[]");
  const { client, lines, engine } = await oneEngine(
    {},
    {},
    { auth: { kind: "credentials", token: { file } } },
  );
  expect((await client.call("ModelInfer", bert)).code).toBe(status.UNAUTHENTICATED);
  await until(() => lines.length === 1);
  expect(lines[0]).toMatchObject({ status: 401, errorCode: "CREDENTIAL_MISSING", requestBytes: 0 });
  expect(engine.seen).toEqual([]);
});

test("makes a span for each call that infers, between the client's and the engine's", async () => {
  const collector = await startCollector();
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url);
  const { engine, client, proxy } = await oneEngine({}, {}, { tracing: "otlp" });
  vi.unstubAllEnvs();
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: "vendor=1" };
  await client.call("ModelInfer", bert, { headers });
  await client.call("ModelReady", bert, { headers });
  await proxy.close();
  const spans = collector.spans();
  expect(spans).toHaveLength(1);
  expect(spans[0]).toMatchObject({
    name: `POST ${inferPath}`,
    traceId,
    parentSpanId: "00f067aa0ba902b7",
    attributes: {
      "http.response.status_code": 200,
      "url.path": inferPath,
      "inference.server": "tabular",
      "inference.model": "bert",
    },
  });
  const [inferred, asked] = engine.seen.map(({ metadata }) => metadata.get("traceparent")[0]);
  expect(inferred).toBe(`00-${traceId}-${spans[0]?.spanId}-01`);
  expect(engine.seen[0]?.metadata.get("tracestate")).toEqual(["vendor=1"]);
  expect(asked).toBe(headers.traceparent);
});
