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

describe("POST /predict", () => {
  it("answers with the engine's bytes inside the reference envelope", async () => {
    const answer = `{"model_name":"bert", "outputs":[{"name":"logits","data":[-0.13,9007199254740993]}]}`;
    const engine = await startEngine((_received, response) => json(response, 200, answer));
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const response = await proxy.predict({ model_version: "1" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe(`{"status_code":200,"result":${answer}}`);
    expect(engine.received[0]).toMatchObject({ method: "POST", url: "/v2/models/bert/versions/1/infer" });
  });

  it("passes the payload on byte for byte, large numbers and spacing included", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const payload = `{ "inputs" : [ {"name":"x\\u0041","data":[9007199254740993, 1.0, -0, 1e400] } ]\n}`;
    const response = await proxy.post(
      "/predict",
      `{"payload":${payload},"inference_server_type":"triton","model\\u005fname":"bert"}`,
    );
    expect(response.status).toBe(200);
    expect(engine.received[0]?.body.toString()).toBe(payload);
  });

  it("takes the version of a header where the envelope names none, and refuses another one", async () => {
    const engine = await startNamedEngine("one");
    const versions = ["1", "2"].map((version) => ({
      version,
      weight: version === "1" ? 100 : 0,
      targets: [target([engine.url])],
    }));
    const proxy = await startTestProxy(table(tritonServer([], { models: [{ name: "bert", versions }] })));
    const header = { "x-model-version": "2" };
    const statuses = [
      await proxy.predict({}, header),
      await proxy.predict({ model_version: "2" }, header),
      await proxy.predict({ model_version: "1" }, header),
      await proxy.predict({}, { "x-model-version": "3" }),
      await proxy.post("/models/bert/1/model", { data: {} }, header),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 400, 404, 400]);
    expect(engine.received.map(({ url }) => url)).toEqual(
      ["2", "2"].map((version) => `/v2/models/bert/versions/${version}/infer`),
    );
  });

  it("mirrors the engine's error status and body", async () => {
    const engine = await startEngine((_received, response) => json(response, 422, { error: "shape" }));
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const response = await proxy.predict({});
    expect(response.status).toBe(422);
    expect(await response.json()).toEqual({ status_code: 422, result: { error: "shape" } });
  });

  it("mirrors the status of an engine's error that is not JSON without its text", async () => {
    const engine = await startEngine((_received, response) =>
      response.writeHead(503).end("<h1>internal-host</h1>"),
    );
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const response = await proxy.predict({});
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status_code: 503, result: null });
  });

  it("hands on an engine's error that is JSON declared as plain text, as Triton's of an unknown model is", async () => {
    const error = { error: "Request for unknown model: 'bert' is not found" };
    const engine = await startEngine((_received, response) =>
      response.writeHead(404, { "content-type": "text/plain" }).end(JSON.stringify(error)),
    );
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const response = await proxy.predict({});
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ status_code: 404, result: error });
  });

  it("answers 502 to a success that is not JSON, and to a redirect", async () => {
    const plain = await startEngine((_received, response) => response.writeHead(200).end("ok"));
    const redirect = await startEngine((_received, response) =>
      response.writeHead(302, { location: "http://internal/" }).end(),
    );
    for (const engine of [plain, redirect]) {
      const proxy = await startTestProxy(table(tritonServer([engine.url])));
      const response = await proxy.predict({});
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({
        status_code: 502,
        error: { code: "ENGINE_ANSWER_INVALID" },
      });
      expect(response.headers.get("location")).toBeNull();
    }
  });

  it("refuses a bad envelope with 400 before it contacts the engine", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const bodies = [
      `{"inference_server_name":"tabular","model_name":"bert","model_name":"bert","payload":{}}`,
      `{"inference_server_name":"tabular","inference_server_type":"vllm","model_name":"bert","payload":{}}`,
      `{"inference_server_name":"tabular","model_name":"bert","model_version":1,"payload":{}}`,
      `not json`,
    ];
    for (const body of bodies) {
      const response = await proxy.post("/predict", body);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        status_code: 400,
        error: { code: expect.any(String) as string },
      });
    }
    expect(engine.received).toHaveLength(0);
  });

  it("answers 404 to an unknown server, type, model and version", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const codes = [
      [{ inference_server_name: "other" }, "SERVER_UNKNOWN"],
      [{ inference_server_name: undefined, inference_server_type: "dynamo" }, "SERVER_UNKNOWN"],
      [{ model_name: "gpt" }, "MODEL_UNKNOWN"],
      [{ model_name: "__proto__" }, "MODEL_UNKNOWN"],
      [{ model_version: "2" }, "VERSION_UNKNOWN"],
    ] as const;
    for (const [envelope, code] of codes) {
      const response = await proxy.predict(envelope);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ status_code: 404, error: { code } });
    }
    expect(engine.received).toHaveLength(0);
  });

  it("answers 413 to a body above the limit, declared or chunked", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])), { maxBodyBytes: 1_000 });
    const big = JSON.stringify({
      inference_server_name: "tabular",
      model_name: "bert",
      payload: { x: "y".repeat(2_000) },
    });
    const chunked = new ReadableStream({
      start(controller) {
        for (const part of big.match(/.{1,300}/g) ?? []) controller.enqueue(Buffer.from(part));
        controller.close();
      },
    });
    const declared = await proxy.post("/predict", big);
    const streamed = await fetch(`${proxy.url}/predict`, {
      method: "POST",
      body: chunked,
      duplex: "half",
    } as RequestInit);
    for (const response of [declared, streamed]) {
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ status_code: 413, error: { code: "BODY_TOO_LARGE" } });
    }
    expect(engine.received).toHaveLength(0);
  });

  it("refuses a compressed envelope with 415", async () => {
    const proxy = await startTestProxy(table(tritonServer(["http://127.0.0.1:9"])));
    expect((await proxy.predict({}, { "content-encoding": "gzip" })).status).toBe(415);
  });

  it("does not let the client's headers describe the payload to the engine", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    await proxy.predict({}, { "inference-header-content-length": "2", "content-type": "text/plain" });
    expect(engine.received[0]?.headers).toMatchObject({ "content-type": "application/json" });
    expect(engine.received[0]?.headers).not.toHaveProperty("inference-header-content-length");
  });

  it("prefers a server that has the model preloaded where only the type is given", async () => {
    const [onDemand, preloaded] = [await startNamedEngine("on-demand"), await startNamedEngine("preloaded")];
    const proxy = await startTestProxy(
      table(
        tritonServer([onDemand.url], { name: "a-on-demand", loading: "on-demand" }),
        tritonServer([preloaded.url], { name: "b-preloaded" }),
      ),
    );
    const response = await proxy.predict({
      inference_server_name: undefined,
      inference_server_type: "triton",
    });
    expect(await response.json()).toMatchObject({ result: { engine: "preloaded" } });
  });

  describe("to an OpenAI engine", () => {
    const chat = { messages: [{ role: "user", content: "hi" }] };
    const predict = { inference_server_name: "chat", model_name: "llama" };

    it("goes to the chat or the completions path by what the payload holds", async () => {
      const engine = await startNamedEngine("one");
      const proxy = await startTestProxy(table(vllmServer([engine.url])));
      expect((await proxy.predict({ ...predict, payload: chat })).status).toBe(200);
      expect((await proxy.predict({ ...predict, payload: { model: "llama", prompt: "hi" } })).status).toBe(
        200,
      );
      expect(engine.received.map(({ url }) => url)).toEqual(["/v1/chat/completions", "/v1/completions"]);
    });

    it("adds the model to a payload without one and leaves the rest as it is", async () => {
      const engine = await startNamedEngine("one");
      const proxy = await startTestProxy(table(vllmServer([engine.url])));
      const payload = `{ "messages" : [],  "seed": 9007199254740993}`;
      await proxy.post(
        "/predict",
        `{"inference_server_name":"chat","model_name":"llama","payload":${payload}}`,
      );
      expect(engine.received[0]?.body.toString()).toBe(`{"model":"llama",${payload.slice(1)}`);
    });

    it.each([
      ["another model", { ...chat, model: "other" }],
      ["a stream", { ...chat, stream: true }],
      ["nothing for a model to read", { temperature: 1 }],
      ["both a prompt and an input", { prompt: "hi", input: "hi" }],
      ["both messages and a prompt", { ...chat, prompt: "hi" }],
    ])("refuses a payload with %s", async (_what, payload) => {
      const engine = await startNamedEngine("one");
      const proxy = await startTestProxy(table(vllmServer([engine.url])));
      expect((await proxy.predict({ ...predict, payload })).status).toBe(400);
      expect(engine.received).toHaveLength(0);
    });
  });
});

describe("service classes and versions", () => {
  const classes = async () => {
    const premium = await startNamedEngine("premium");
    const free = await startNamedEngine("free");
    const canary = await startNamedEngine("canary");
    return table(
      tritonServer([], {
        models: [
          {
            name: "bert",
            versions: [
              {
                version: "1",
                weight: 90,
                targets: [
                  target([free.url], { group: "free", serviceClasses: ["Free"] }),
                  target([premium.url], { group: "premium", serviceClasses: ["Premium"] }),
                ],
              },
              {
                version: "2",
                weight: 10,
                targets: [target([canary.url], { serviceClasses: ["Premium", "Free"] })],
              },
            ],
          },
        ],
      }),
    );
  };
  const engineOf = async (response: Response) =>
    ((await response.json()) as { result: { engine: string } }).result.engine;

  it("sends a request to the class of its header, and without one to the least important class", async () => {
    const proxy = await startTestProxy(await classes(), { random: () => 0 });
    expect(await engineOf(await proxy.predict({}, { "x-service-class": "Premium" }))).toBe("premium");
    expect(await engineOf(await proxy.predict({}, { "x-service-class": "Free" }))).toBe("free");
    expect(await engineOf(await proxy.predict({}))).toBe("free");
  });

  it("answers 400 to an unknown class and names the known ones", async () => {
    const proxy = await startTestProxy(await classes());
    const response = await proxy.predict({}, { "x-service-class": "Gold" });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: "SERVICE_CLASS_UNKNOWN", message: "The model is served in the classes Premium, Free." },
    });
  });

  it("chooses a version by weight, and takes the one that is named", async () => {
    const proxy = await startTestProxy(await classes(), { random: () => 0.95 });
    expect(await engineOf(await proxy.predict({}))).toBe("canary");
    expect(await engineOf(await proxy.predict({ model_version: "1" }))).toBe("free");
  });
});
