import { status, type Metadata } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { MethodName } from "../../../../services/proxy/grpc/open-inference-service.ts";
import { ProxyFailure } from "../../../../services/proxy/proxy-failure.ts";
import { startFakeEngine } from "./fake-engine.ts";
import { PlainServices, serverOf, startTestGrpc, TestClient } from "./grpc-testbed.ts";
import { inferRequest } from "./messages.ts";

const bert = inferRequest({ modelName: "bert", version: "1" });
const unknown = inferRequest({ modelName: "unknown" });
const headers = { "x-request-id": "r-7" };

async function proxied() {
  const engine = await startFakeEngine();
  const services = new PlainServices([serverOf([engine])]);
  return { engine, services, client: new TestClient((await startTestGrpc(services)).port) };
}

interface Answer {
  readonly code: number;
  readonly head: Metadata | undefined;
  readonly trailers: Metadata;
}

/** Asks by any method, and gives what came before and after the messages. */
async function ask(client: TestClient, method: MethodName, message: Buffer): Promise<Answer> {
  if (method !== "ModelStreamInfer") return client.call(method, message, { headers });
  const stream = client.stream({ headers });
  let head: Metadata | undefined;
  stream.on("metadata", (metadata) => (head = metadata));
  stream.on("data", () => undefined);
  stream.on("error", () => undefined);
  stream.end(message);
  return new Promise((resolve) => {
    stream.on("status", ({ code, metadata }) => resolve({ code, head, trailers: metadata }));
  });
}

const guarded = [
  "ServerMetadata",
  "RepositoryIndex",
  "ModelReady",
  "ModelMetadata",
  "ModelConfig",
  "ModelInfer",
  "ModelStreamInfer",
] as const;

test.each(guarded)("names the request in what it answers to %s", async (method) => {
  const { client } = await proxied();
  const { code, head } = await ask(client, method, bert);
  expect(code).toBe(status.OK);
  expect(head?.get("x-request-id")).toEqual(["r-7"]);
});

test.each(guarded)("names the request where it lets nobody in for %s", async (method) => {
  const { client, services } = await proxied();
  services.authenticate = () => {
    throw new ProxyFailure("CREDENTIAL_MISSING");
  };
  const { trailers } = await ask(client, method, bert);
  expect(trailers.get("x-error-code")).toEqual(["CREDENTIAL_MISSING"]);
  expect(trailers.get("x-request-id")).toEqual(["r-7"]);
});

test.each(["ModelMetadata", "ModelConfig", "ModelInfer", "ModelStreamInfer"] as const)(
  "names the request where %s is for a model that nobody serves",
  async (method) => {
    const { client } = await proxied();
    const { trailers } = await ask(client, method, unknown);
    expect(trailers.get("x-error-code")).toEqual(["MODEL_UNKNOWN"]);
    expect(trailers.get("x-request-id")).toEqual(["r-7"]);
  },
);

test("names the request where it says that a model is not ready which nobody serves", async () => {
  const { client } = await proxied();
  const { code, head } = await ask(client, "ModelReady", unknown);
  expect(code).toBe(status.OK);
  expect(head?.get("x-request-id")).toEqual(["r-7"]);
});

test("names the request where it cannot read what models are asked for", async () => {
  const { client } = await proxied();
  const { trailers } = await ask(client, "RepositoryIndex", Buffer.from([7]));
  expect(trailers.get("x-error-code")).toEqual(["REQUEST_INVALID"]);
  expect(trailers.get("x-request-id")).toEqual(["r-7"]);
});

test("names the request in an engine's own error", async () => {
  const { client, engine } = await proxied();
  engine.answer = () => Promise.reject({ code: status.INTERNAL, details: "tensor x has the wrong shape" });
  const { code, trailers } = await ask(client, "ModelInfer", bert);
  expect(code).toBe(status.INTERNAL);
  expect(trailers.get("x-request-id")).toEqual(["r-7"]);
});

test("tells a client that gave no id the one that it made", async () => {
  const { client, services } = await proxied();
  const { trailers } = await client.call("ModelInfer", unknown);
  expect(trailers.get("x-request-id")).toEqual(services.calls.map(({ requestId }) => requestId));
});
