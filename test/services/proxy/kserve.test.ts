import { describe, expect, it } from "vitest";
import type { RouteServer } from "../../../platform/routes/routing-table.ts";
import {
  json,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  tritonServer,
  vllmServer,
} from "./testbed.ts";

/** A KServe model server with one model "bert" of version 1, over KServe's first protocol. */
function kserveServer(endpoints: readonly string[], changes: Partial<RouteServer> = {}): RouteServer {
  return tritonServer(endpoints, { name: "isvc", type: "kserve", protocol: "kserve-v1", ...changes });
}

describe("KServe's first protocol", () => {
  it("passes a prediction through by its own path, bytes and all", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(kserveServer([engine.url])));
    const body = `{"instances": [ 9007199254740993 ]}`;
    const answer = await proxy.post("/v1/models/bert:predict", body);
    expect([answer.status, await answer.json()]).toEqual([200, { engine: "one" }]);
    expect(answer.headers.get("x-model-version")).toBe("1");
    expect(engine.received[0]).toMatchObject({ method: "POST", url: "/v1/models/bert:predict" });
    expect(engine.received[0]?.body.toString()).toBe(body);
  });

  it("is reached by /predict, whose payload is the engine's request", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(kserveServer([engine.url])));
    const payload = { instances: [1] };
    const answer = await proxy.predict({ inference_server_name: "isvc", model_version: "1", payload });
    expect(await answer.json()).toEqual({ status_code: 200, result: { engine: "one" } });
    expect(engine.received[0]?.url).toBe("/v1/models/bert:predict");
    expect(JSON.parse(engine.received[0]?.body.toString() ?? "")).toEqual(payload);
  });

  it("has its endpoint's path before its own", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(kserveServer([`${engine.url}/apps/a`])));
    expect((await proxy.post("/v1/models/bert:predict", {})).status).toBe(200);
    expect(engine.received[0]?.url).toBe("/apps/a/v1/models/bert:predict");
  });

  it("tells errors of the proxy as KServe does, in a text", async () => {
    const proxy = await startTestProxy(table(kserveServer([])));
    for (const [model, status] of [
      ["unknown", 404],
      ["bert", 503],
    ] as const) {
      const answer = await proxy.post(`/v1/models/${model}:predict`, {});
      expect(answer.status).toBe(status);
      expect(await answer.json()).toEqual({ error: expect.stringMatching(/\S/) as string });
    }
  });

  it("hands on the engine's error", async () => {
    const engine = await startEngine((_received, response) => json(response, 500, { error: "no such key" }));
    const proxy = await startTestProxy(table(kserveServer([engine.url])));
    const answer = await proxy.post("/v1/models/bert:predict", {});
    expect([answer.status, await answer.json()]).toEqual([500, { error: "no such key" }]);
  });

  it("does not lead to engines of other protocols with a model of this name", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url]), vllmServer([engine.url])));
    for (const model of ["bert", "llama"]) {
      expect((await proxy.post(`/v1/models/${model}:predict`, {})).status).toBe(404);
    }
    expect(engine.received).toEqual([]);
  });

  it("takes a prediction by POST only, and no other verb of a model", async () => {
    const proxy = await startTestProxy(table(kserveServer([])));
    expect((await fetch(`${proxy.url}/v1/models/bert:predict`)).status).toBe(405);
    expect((await proxy.post("/v1/models/bert:explain", {})).status).toBe(405);
  });
});

describe("readiness of KServe's first protocol", () => {
  it("is the engine's own word", async () => {
    const engine = await startEngine(({ url }, response) =>
      url.endsWith("/bert")
        ? json(response, 200, `{"name": "bert", "ready": "True"}`)
        : json(response, 503, { error: "Model t5 is not ready" }),
    );
    const { versions } = kserveServer([engine.url]).models[0] ?? { versions: [] };
    const models = ["bert", "t5/small"].map((name) => ({ name, versions }));
    const proxy = await startTestProxy(table(kserveServer([], { models })));
    const ready = await fetch(`${proxy.url}/v1/models/bert`);
    expect([ready.status, await ready.text()]).toEqual([200, `{"name": "bert", "ready": "True"}`]);
    expect(ready.headers.get("x-inference-server")).toBe("isvc");
    const notReady = await fetch(`${proxy.url}/v1/models/t5/small`);
    expect([notReady.status, await notReady.json()]).toEqual([503, { error: "Model t5 is not ready" }]);
    expect(engine.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /v1/models/bert",
      "GET /v1/models/t5%2Fsmall",
    ]);
  });

  it("is not asked for where an OpenAI engine has a model of the name", async () => {
    const engine = await startNamedEngine("one");
    const { models } = kserveServer([engine.url]);
    const proxy = await startTestProxy(
      table(kserveServer([engine.url], { name: "a" }), vllmServer([], { models })),
    );
    expect(await (await fetch(`${proxy.url}/v1/models/bert`)).json()).toMatchObject({ object: "model" });
    expect(engine.received).toEqual([]);
  });

  it("is 404 of models that no engine has, that others have or that the caller may not use", async () => {
    const engine = await startNamedEngine("one");
    const server = kserveServer([engine.url]);
    const models = server.models.map((model) => ({ ...model, name: "secret", allow: { users: ["alice"] } }));
    const proxy = await startTestProxy(
      table({ ...server, models }, tritonServer([engine.url]), vllmServer([engine.url])),
    );
    for (const [name, headers] of [
      ["secret", {}],
      ["bert", {}],
      ["unknown", {}],
      ["unknown", { "x-inference-server": "chat" }],
    ] as const) {
      const answer = await fetch(`${proxy.url}/v1/models/${name}`, { headers });
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ error: { code: "model_not_found" } });
    }
    expect(engine.received).toEqual([]);
  });

  it("ends when the client would not wait any longer", async () => {
    const engine = await startEngine(() => undefined);
    const proxy = await startTestProxy(table(kserveServer([engine.url])));
    const answer = await fetch(`${proxy.url}/v1/models/bert`, { headers: { timeout: "0.05" } });
    expect(answer.status).toBe(504);
  });
});
