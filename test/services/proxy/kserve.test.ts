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
