import { describe, expect, it } from "vitest";
import {
  json,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  target,
  tritonServer,
  vllmServer,
} from "./testbed.ts";

const ok = { status_code: 200, result: { engine: "one" } };

/** A model with versions 9 and 10, of which 9 gets all requests that name none. */
const versions = (url: string) => [
  { version: "10", weight: 0, targets: [target([url])] },
  { version: "9", weight: 100, targets: [target([url])] },
];

describe("Domino's path of a Model API", () => {
  it("passes the bytes of the data on, and answers as /predict does", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const data = `{"inputs": [ 9007199254740993 ]}`;
    const answer = await proxy.post("/models/bert/1/model", `{ "data": ${data} }`);
    expect([answer.status, await answer.json()]).toEqual([200, ok]);
    expect(engine.received[0]).toMatchObject({ method: "POST", url: "/v2/models/bert/versions/1/infer" });
    expect(engine.received[0]?.body.toString()).toBe(data);
  });

  it("takes the highest version where it says latest, whatever its weight", async () => {
    const engine = await startNamedEngine("one");
    const models = [{ name: "bert", versions: versions(engine.url) }];
    const proxy = await startTestProxy(table(tritonServer([], { models })));
    expect((await proxy.post("/models/bert/latest/model", { data: {} })).status).toBe(200);
    expect(engine.received[0]?.url).toBe("/v2/models/bert/versions/10/infer");
  });

  it("reaches an OpenAI engine by what the data hold", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    expect((await proxy.post("/models/llama/latest/model", { data: { prompt: "x" } })).status).toBe(200);
    expect(engine.received[0]?.url).toBe("/v1/completions");
    expect(JSON.parse(engine.received[0]?.body.toString() ?? "")).toEqual({ model: "llama", prompt: "x" });
  });

  it("hands on the engine's error with its status", async () => {
    const engine = await startEngine((_received, response) => json(response, 400, { error: "shape" }));
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const answer = await proxy.post("/models/bert/1/model", { data: {} });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { status_code: 400, result: { error: "shape" } },
    ]);
  });

  it.each([
    ["an unknown model", "/models/unknown/1/model", `{"data":{}}`, 404, "MODEL_UNKNOWN"],
    ["an unknown version", "/models/bert/7/model", `{"data":{}}`, 404, "VERSION_UNKNOWN"],
    ["no data", "/models/bert/1/model", `{}`, 400, "REQUEST_INVALID"],
    ["data that are no object", "/models/bert/1/model", `{"data":[1]}`, 400, "REQUEST_INVALID"],
    ["data given twice", "/models/bert/1/model", `{"data":{},"data":{}}`, 400, "REQUEST_INVALID"],
    [
      "data given twice, once escaped",
      "/models/bert/1/model",
      `{"data":{},"d\\u0061ta":{}}`,
      400,
      "REQUEST_INVALID",
    ],
    ["another key", "/models/bert/1/model", `{"data":{},"x":1}`, 400, "REQUEST_INVALID"],
    ["something after the body", "/models/bert/1/model", `{"data":{}} {}`, 400, "BODY_NOT_JSON"],
    ["text that is not JSON", "/models/bert/1/model", `data`, 400, "BODY_NOT_JSON"],
    ["an empty model", "/models//1/model", `{"data":{}}`, 404, "PATH_UNKNOWN"],
    ["another end", "/models/bert/1/predict", `{"data":{}}`, 404, "PATH_UNKNOWN"],
  ])("refuses %s before an engine is asked", async (_what, path, body, status, code) => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const answer = await proxy.post(path, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ status_code: status, error: { code } });
    expect(engine.received).toEqual([]);
  });

  it("needs a credential where there are any, by Bearer as Domino's asynchronous models do", async () => {
    const domino = await startEngine(({ headers }, response) =>
      json(response, 200, { isAnonymous: headers.authorization !== "Bearer good", canonicalName: "jane" }),
    );
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])), {
      auth: { kind: "credentials", domino: { hostUrl: domino.url } },
    });
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await proxy.post("/models/bert/1/model", { data: {} }, headers)).status;
    expect(await ask({ authorization: "Bearer good" })).toBe(200);
    expect(await ask({ authorization: "Bearer bad" })).toBe(401);
    expect(await ask({})).toBe(401);
    expect(engine.received).toHaveLength(1);
  });

  it("is counted like any request of its model", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    await proxy.post("/models/bert/1/model", { data: {} });
    const labels = `server="tabular",model="bert",version="1",service_class="Free"`;
    expect(await proxy.metric(`inference_requests_total{${labels},status="200"}`)).toBe(1);
  });
});
