import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ProxyFailure, proxyFailures } from "../../../../services/proxy/proxy-failure.ts";
import { startFakeEngine } from "./fake-engine.ts";
import { eventually, PlainServices, serverOf, startTestGrpc, TestClient } from "./grpc-testbed.ts";
import { inferRequest } from "./messages.ts";

async function proxied(target: Parameters<typeof serverOf>[1] = {}, maxMessageBytes = 1024 * 1024) {
  const engine = await startFakeEngine();
  const services = new PlainServices([serverOf([engine], target)]);
  const grpc = await startTestGrpc(services, { maxMessageBytes });
  return { engine, services, grpc, client: new TestClient(grpc.port) };
}

const bert = inferRequest({ modelName: "bert", version: "1", id: "7", raw: Buffer.from("tensor") });

test("passes a request and its answer on byte by byte", async () => {
  const { engine, client } = await proxied();
  engine.answer = () => Promise.resolve(Buffer.from([9, 0, 255, 3]));
  const { code, message, head } = await client.call("ModelInfer", bert);
  expect(code).toBe(status.OK);
  expect(message).toEqual(Buffer.from([9, 0, 255, 3]));
  expect(engine.seen[0]?.message.equals(bert)).toBe(true);
  expect(head.get("x-inference-server")).toEqual(["tabular"]);
  expect(head.get("x-model-version")).toEqual(["1"]);
});

test("says in the message which version was chosen where the client left it open", async () => {
  const { engine, client } = await proxied();
  await client.call("ModelInfer", inferRequest({ modelName: "bert", raw: Buffer.from("tensor") }));
  const expected = Buffer.concat([
    inferRequest({ modelName: "bert", raw: Buffer.from("tensor") }),
    inferRequest({ version: "2" }),
  ]);
  expect(engine.seen[0]?.message.equals(expected)).toBe(true);
});

test("takes the version of the metadata, and refuses one that disagrees with the message", async () => {
  const { engine, client } = await proxied();
  const headers = { "x-model-version": "1" };
  const chosen = await client.call("ModelInfer", inferRequest({ modelName: "bert" }), { headers });
  expect(chosen.head.get("x-model-version")).toEqual(["1"]);
  const { code } = await client.call("ModelInfer", inferRequest({ modelName: "bert", version: "2" }), {
    headers,
  });
  expect(code).toBe(status.INVALID_ARGUMENT);
  expect(engine.seen).toHaveLength(1);
});

test("asks the engine for a model's readiness, metadata and configuration", async () => {
  const { engine, client } = await proxied();
  for (const method of ["ModelReady", "ModelMetadata", "ModelConfig"] as const) {
    const { code } = await client.call(method, inferRequest({ modelName: "bert", version: "1" }));
    expect(code).toBe(status.OK);
  }
  expect(engine.seen.map(({ method }) => method)).toEqual(["ModelReady", "ModelMetadata", "ModelConfig"]);
});

test("says that a model or version that is not there is not ready, as Triton does, instead of an error", async () => {
  const { engine, client } = await proxied();
  for (const asked of [{ modelName: "unknown" }, { modelName: "bert", version: "99" }]) {
    const { code, message } = await client.call("ModelReady", inferRequest(asked));
    expect(code).toBe(status.OK);
    expect(message).toEqual(Buffer.alloc(0));
    expect((await client.call("ModelMetadata", inferRequest(asked))).code).toBe(status.NOT_FOUND);
  }
  expect(engine.seen).toEqual([]);
});

test("keeps credentials and routing metadata, passes the client's own and a request id on", async () => {
  const { engine, client, services } = await proxied();
  const { head } = await client.call("ModelInfer", bert, {
    headers: {
      authorization: "Bearer secret",
      "x-domino-api-key": "secret",
      "x-domino-other": "secret",
      "x-api-key": "secret",
      x_api_key: "secret",
      x_domino_api_key: "secret",
      triton_option: "kept",
      cookie: "secret",
      "x-forwarded-for": "1.2.3.4",
      "x-service-class": "Gold",
      "x-inference-server": "tabular",
      "grpc-previous-rpc-attempts": "3",
      "x-tenant": ["one", "two"],
      "x-request-id": "abc-1",
    },
  });
  expect(services.asked).toEqual([{ authorization: "Bearer secret", "x-domino-api-key": "secret" }]);
  const seen = engine.seen[0]?.metadata.toJSON() ?? {};
  expect(JSON.stringify(seen)).not.toContain("secret");
  expect(Object.keys(seen).toSorted()).toEqual(["triton_option", "user-agent", "x-request-id", "x-tenant"]);
  expect(seen["x-tenant"]).toEqual(["one, two"]);
  expect(seen["x-request-id"]).toEqual(["abc-1"]);
  expect(head.get("x-request-id")).toEqual(["abc-1"]);
  expect(services.calls[0]).toMatchObject({
    requestId: "abc-1",
    principal: { user: "ada" },
    httpStatus: 200,
  });
});

test("makes a request id where the client's is missing or not safe to log", async () => {
  const { engine, client } = await proxied();
  await client.call("ModelInfer", bert, { headers: { "x-request-id": "a b" } });
  expect(engine.seen[0]?.metadata.get("x-request-id")[0]).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  ["a model that nobody serves", inferRequest({ modelName: "gpt" }), {}, status.NOT_FOUND],
  ["an unknown version", inferRequest({ modelName: "bert", version: "9" }), {}, status.NOT_FOUND],
  ["an unknown server", bert, { "x-inference-server": "other" }, status.NOT_FOUND],
  ["an unknown class", bert, { "x-service-class": "Silver" }, status.INVALID_ARGUMENT],
  ["no model", inferRequest({}), {}, status.INVALID_ARGUMENT],
  ["no protobuf", Buffer.from([0xff]), {}, status.INVALID_ARGUMENT],
])("refuses %s without asking the engine", async (_what, message, headers, code) => {
  const { engine, client, services } = await proxied();
  expect((await client.call("ModelInfer", message, { headers })).code).toBe(code);
  expect(engine.seen).toEqual([]);
  await eventually(() => services.calls.length === 1);
  expect(services.openPermits).toBe(0);
});

test("refuses a credential before a message is read", async () => {
  const { engine, client, services } = await proxied();
  services.authenticate = () => Promise.reject(new ProxyFailure("CREDENTIAL_REFUSED"));
  const { code, trailers } = await client.call("ModelInfer", bert);
  expect(code).toBe(status.UNAUTHENTICATED);
  expect(trailers.get("x-error-code")).toEqual(["CREDENTIAL_REFUSED"]);
  expect(engine.seen).toEqual([]);
  expect(services.calls[0]).toMatchObject({ httpStatus: 401, requestBytes: 0, route: undefined });
});

test("takes metadata that are given twice for one value that is nobody's", async () => {
  const { engine, client, services } = await proxied();
  const headers = { "x-domino-api-key": ["one", "two"], "x-inference-server": ["tabular", "tabular"] };
  expect((await client.call("ModelInfer", bert, { headers })).code).toBe(status.NOT_FOUND);
  expect(services.asked[0]?.["x-domino-api-key"]).toBe("one, two");
  const empty = await client.call("ModelInfer", bert, { headers: { "x-service-class": "" } });
  expect(empty.code).toBe(status.INVALID_ARGUMENT);
  expect(engine.seen).toEqual([]);
});

test("says when to come again where a rate or a queue is full", async () => {
  const { client, services } = await proxied();
  services.refuse = () => {
    throw new ProxyFailure("RATE_LIMITED", undefined, { retryAfterSeconds: 12 });
  };
  const { code, trailers } = await client.call("ModelInfer", bert);
  expect(code).toBe(status.RESOURCE_EXHAUSTED);
  expect(trailers.get("retry-after")).toEqual(["12"]);
  expect(trailers.get("grpc-retry-pushback-ms")).toEqual(["12000"]);
  // google.rpc.RetryInfo ends with its delay: field 1 of field 1, a number of seconds.
  const details = trailers.get("grpc-status-details-bin")[0] as Buffer;
  expect(details.toString("latin1")).toContain("type.googleapis.com/google.rpc.RetryInfo");
  expect([...details.subarray(-6)]).toEqual([0x12, 4, 0x0a, 2, 0x08, 12]);
});

test("gives every failure of the proxy a code other than UNKNOWN", async () => {
  const { client, services } = await proxied();
  for (const code of Object.keys(proxyFailures) as (keyof typeof proxyFailures)[]) {
    services.refuse = () => {
      throw new ProxyFailure(code);
    };
    const answer = await client.call("ModelInfer", bert);
    expect(answer.trailers.get("x-error-code")).toEqual([code]);
    expect(answer.code).not.toBe(status.UNKNOWN);
    expect(answer.code === status.INTERNAL).toBe(proxyFailures[code].status === 500);
  }
  expect(services.openPermits).toBe(0);
});

test("hands the engine's own errors on with code and text, and no metadata", async () => {
  const { engine, client, services } = await proxied();
  engine.answer = () => Promise.reject({ code: status.INTERNAL, details: "tensor x has the wrong shape" });
  const { code, details } = await client.call("ModelInfer", bert);
  expect([code, details]).toEqual([status.INTERNAL, "tensor x has the wrong shape"]);
  expect(services.outcomes).toEqual([[engine.url, "answered"]]);
});

test("ends a call at the target's deadline, and tells the engine so", async () => {
  const { engine, client, services } = await proxied({ timeoutMs: 300 });
  engine.answer = () => new Promise(() => undefined);
  const { code, details } = await client.call("ModelInfer", bert);
  expect(code).toBe(status.DEADLINE_EXCEEDED);
  expect(details).not.toContain("127.0.0.1");
  expect(services.outcomes).toEqual([[engine.url, "failed"]]);
  await eventually(() => engine.cancelled.count === 1);
});

test("ends a call at the client's deadline without a bad name for the endpoint", async () => {
  const { engine, client, services } = await proxied();
  engine.answer = () => new Promise(() => undefined);
  const { code } = await client.call("ModelInfer", bert, { deadlineMs: 200 });
  expect(code).toBe(status.DEADLINE_EXCEEDED);
  await eventually(() => engine.cancelled.count === 1 && services.outcomes.length === 1);
  expect(services.outcomes).toEqual([[engine.url, "cancelled"]]);
  expect(engine.seen[0]?.deadline).toBeLessThan(Date.now() + 1_000);
  expect(services.calls.map(({ httpStatus }) => httpStatus)).toEqual([504]);
});

test("stops the engine's work when the client cancels", async () => {
  const { engine, client, services } = await proxied();
  engine.answer = () => new Promise(() => undefined);
  const leaving = new AbortController();
  const answer = client.call("ModelInfer", bert, { signal: leaving.signal });
  await eventually(() => engine.seen.length === 1);
  leaving.abort();
  expect((await answer).code).toBe(status.CANCELLED);
  await eventually(() => engine.cancelled.count === 1 && services.calls.length === 1);
  expect(services.calls[0]).toMatchObject({ httpStatus: 499 });
  expect(services.outcomes).toEqual([[engine.url, "cancelled"]]);
  expect(services.openPermits).toBe(0);
});

test("fails a call whose engine dies, once, without naming its address", async () => {
  const { engine, client, services } = await proxied();
  engine.answer = () => new Promise(() => undefined);
  const answer = client.call("ModelInfer", bert);
  await eventually(() => engine.seen.length === 1);
  engine.kill();
  const { code, details, trailers } = await answer;
  expect(code).toBe(status.UNAVAILABLE);
  expect(trailers.get("x-error-code")).toEqual(["ENGINE_FAILED"]);
  expect(details).toBe(proxyFailures.ENGINE_FAILED.summary);
  expect(services.outcomes).toEqual([[engine.url, "failed"]]);
  expect(engine.seen).toHaveLength(1);
});

test("asks another endpoint where one dies before it answers, unless the model keeps a state", async () => {
  for (const stateful of [false, true]) {
    const dying = await startFakeEngine(0, "127.0.0.2");
    const alive = await startFakeEngine(dying.port, "127.0.0.3");
    const server = serverOf([dying, alive]);
    const models = (server.models ?? []).map((model) => ({ ...model, stateful }));
    const services = new PlainServices([{ ...server, models }]);
    const client = new TestClient((await startTestGrpc(services)).port);
    dying.answer = () => {
      dying.kill();
      return new Promise(() => undefined);
    };
    const { code, trailers } = await client.call("ModelInfer", bert);
    expect(trailers.get("x-error-code")).toEqual(stateful ? ["ENGINE_FAILED"] : []);
    expect(code).toBe(stateful ? status.UNAVAILABLE : status.OK);
    expect(alive.seen).toHaveLength(stateful ? 0 : 1);
    expect(services.outcomes[0]).toEqual([dying.url, "failed"]);
    expect(services.openPermits).toBe(0);
  }
});

test("goes to another endpoint where no connection could be made", async () => {
  const [gone, alive] = [await startFakeEngine(0, "127.0.0.2"), await startFakeEngine(0, "127.0.0.3")];
  gone.kill();
  const services = new PlainServices([serverOf([alive], { endpoints: [gone.url, alive.url] })]);
  const client = new TestClient((await startTestGrpc(services)).port);
  expect((await client.call("ModelInfer", bert)).code).toBe(status.OK);
  expect(services.outcomes).toEqual([
    [gone.url, "unreachable"],
    [alive.url, "answered"],
  ]);
});

test("reaches an engine again that has restarted", async () => {
  const { engine, client, services } = await proxied();
  expect((await client.call("ModelInfer", bert)).code).toBe(status.OK);
  engine.kill();
  const { trailers } = await client.call("ModelInfer", bert);
  expect(["ENGINE_UNREACHABLE", "ENGINE_FAILED"]).toContain(trailers.get("x-error-code")[0]);
  await startFakeEngine(engine.port);
  let code: number = status.UNAVAILABLE;
  for (let left = 50; left > 0 && code !== status.OK; left--) {
    ({ code } = await client.call("ModelInfer", bert));
    if (code !== status.OK) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(code).toBe(status.OK);
  expect(services.openPermits).toBe(0);
});

test("says UNAVAILABLE where the engine has no gRPC port or no endpoint", async () => {
  const engine = await startFakeEngine();
  const services = new PlainServices([serverOf([engine])]);
  services.endpointsOf = () => [];
  const client = new TestClient((await startTestGrpc(services)).port);
  const { code, trailers } = await client.call("ModelInfer", bert);
  expect(code).toBe(status.UNAVAILABLE);
  expect(trailers.get("x-error-code")).toEqual(["NO_ENDPOINT"]);
  expect(services.openPermits).toBe(0);
});
