import { request } from "node:http";
import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import {
  json,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  target,
  tritonServer,
  until,
  vllmServer,
} from "./testbed.ts";

const sse = { "content-type": "text/event-stream; charset=utf-8" };
const chat = { model: "llama", messages: [], stream: true };
const labels = `server="chat",model="llama",version="1",service_class="Free"`;

/** An engine whose streams the test writes by hand. */
async function startStreamingEngine() {
  const opened = Promise.withResolvers<ServerResponse>();
  const engine = await startEngine((_received, response) => {
    response.writeHead(200, sse).flushHeaders();
    opened.resolve(response);
  });
  return { ...engine, opened: opened.promise };
}

async function* texts(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) yield decoder.decode(chunk, { stream: true });
}

describe("OpenAI completions", () => {
  it("routes by the body's model and passes the bytes through both ways", async () => {
    const engine = await startEngine((_received, response) =>
      json(response, 200, `{"usage": {"n":9007199254740993}}`),
    );
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    const body = `{"seed":9007199254740993, "messages":[], "model":"llama"}`;
    const response = await proxy.post("/v1/chat/completions", body);
    expect(await response.text()).toBe(`{"usage": {"n":9007199254740993}}`);
    expect(engine.received[0]).toMatchObject({ url: "/v1/chat/completions" });
    expect(engine.received[0]?.body.toString()).toBe(body);
    expect((await proxy.post("/v1/completions", { model: "llama", prompt: "x" })).status).toBe(200);
    expect(engine.received[1]).toMatchObject({ url: "/v1/completions" });
  });

  it("passes each event of a stream on as it comes", async () => {
    const engine = await startStreamingEngine();
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    const response = await proxy.post("/v1/chat/completions", chat);
    expect(response.headers.get("content-type")).toBe(sse["content-type"]);
    const upstream = await engine.opened;
    const events = texts(response);
    for (const text of ["data: one\n\n", "data: two\n\n", "data: [DONE]\n\n"]) {
      // The engine writes the next event only after the client has got this one.
      upstream.write(text);
      expect((await events.next()).value).toBe(text);
    }
    upstream.end();
    expect((await events.next()).done).toBe(true);
  });

  it("measures TTFT, ITL and tokens of a stream by its events, split wherever the network splits them", async () => {
    const engine = await startStreamingEngine();
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    const response = await proxy.post("/v1/chat/completions", chat);
    const upstream = await engine.opened;
    const reading = response.text();
    for (const part of [
      "data: {",
      `"a":1}\n\n`,
      "da",
      "ta: 2\n\ndata: 3\n\n",
      ": comment\n\n",
      "data: 4\r\n\r\n",
      "data: [DONE]\n\n",
    ]) {
      upstream.write(part);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    upstream.end();
    await reading;
    expect(await proxy.metric(`inference_time_to_first_token_seconds_count{${labels}}`)).toBe(1);
    expect(await proxy.metric(`inference_inter_token_latency_seconds_count{${labels}}`)).toBe(3);
    expect(await proxy.metric(`inference_output_tokens_total{${labels}}`)).toBe(4);
    expect(await proxy.metric(`inference_requests_total{${labels},status="200"}`)).toBe(1);
  });

  it("takes token counts from the usage report where there is one, streaming or not", async () => {
    const usage = `"usage":{"prompt_tokens":7,"total_tokens":49,"completion_tokens":42}`;
    const engine = await startEngine(({ body }, response) => {
      if (body.includes(`"stream":true`)) {
        response
          .writeHead(200, sse)
          .end(`data: {"x":1}\n\ndata: {"choices":[],${usage}}\n\ndata: [DONE]\n\n`);
      } else {
        json(response, 200, `{"choices":[{"text":"\\"completion_tokens\\": 999"}],${usage}}`);
      }
    });
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    await (await proxy.post("/v1/chat/completions", chat)).text();
    await (await proxy.post("/v1/chat/completions", { ...chat, stream: false })).text();
    expect(await proxy.metric(`inference_output_tokens_total{${labels}}`)).toBe(84);
    expect(await proxy.metric(`inference_input_tokens_total{${labels}}`)).toBe(14);
    expect(await proxy.metric(`inference_time_to_first_token_seconds_count{${labels}}`)).toBe(1);
  });

  it("stops the engine's work when the client goes away, and counts it as 499", async () => {
    const engine = await startStreamingEngine();
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    const client = request(`${proxy.url}/v1/chat/completions`, { method: "POST" });
    client.on("error", () => {});
    client.end(JSON.stringify(chat));
    const upstream = await engine.opened;
    upstream.write("data: one\n\n");
    await new Promise((resolve) => client.on("response", (response) => response.once("data", resolve)));
    const aborted = new Promise((resolve) => upstream.once("close", resolve));
    client.destroy();
    await aborted;
    await until(async () => (await proxy.metric(`inference_requests_total{${labels},status="499"}`)) === 1);
    expect(await proxy.metric(`inference_in_flight_requests{${labels}}`)).toBe(0);
  });

  it("ends a stream that the engine broke off with an error event", async () => {
    const engine = await startStreamingEngine();
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    const response = await proxy.post("/v1/chat/completions", chat);
    const upstream = await engine.opened;
    const events = texts(response);
    upstream.write("data: one\n\n");
    await events.next();
    upstream.destroy();
    expect((await events.next()).value).toContain(`"code":"ENGINE_FAILED"`);
    expect((await events.next()).done).toBe(true);
  });

  it("ends with an error event too where the engine broke off inside an event, of which nothing was passed on", async () => {
    const engine = await startStreamingEngine();
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    const response = await proxy.post("/v1/chat/completions", chat);
    const upstream = await engine.opened;
    const events = texts(response);
    upstream.write(`data: {"whole":1}\n\ndata: {"half`);
    let text = String((await events.next()).value);
    upstream.destroy();
    for (let next = await events.next(); !next.done; next = await events.next()) text += String(next.value);
    expect(text).toMatch(/^data: \{"whole":1\}\n\n\ndata: \{"error":\{.*"ENGINE_FAILED".*\}\}\n\n$/);
  });
  it("does not end a stream at the deadline once its first token has come", async () => {
    const engine = await startStreamingEngine();
    const models = [
      {
        name: "llama",
        versions: [{ version: "1", weight: 100, targets: [target([engine.url], { timeoutMs: 500 })] }],
      },
    ];
    const proxy = await startTestProxy(table(vllmServer([], { models })));
    const response = await proxy.post("/v1/chat/completions", chat);
    const upstream = await engine.opened;
    const events = texts(response);
    upstream.write("data: one\n\n");
    await events.next();
    await new Promise((resolve) => setTimeout(resolve, 600));
    upstream.end("data: two\n\n");
    expect((await events.next()).value).toBe("data: two\n\n");
  });

  it("ends a stream at the deadline when no token has come", async () => {
    const engine = await startStreamingEngine();
    const models = [
      {
        name: "llama",
        versions: [{ version: "1", weight: 100, targets: [target([engine.url], { timeoutMs: 50 })] }],
      },
    ];
    const proxy = await startTestProxy(table(vllmServer([], { models })));
    const response = await proxy.post("/v1/chat/completions", chat);
    expect(await response.text()).toContain(`"code":"DEADLINE_EXCEEDED"`);
    await until(async () => (await proxy.metric(`inference_requests_total{${labels},status="504"}`)) === 1);
  });

  it("ends a stream in which the engine has fallen silent", async () => {
    const engine = await startStreamingEngine();
    const proxy = await startTestProxy(table(vllmServer([engine.url])), { streamIdleMs: 50 });
    const response = await proxy.post("/v1/chat/completions", chat);
    (await engine.opened).write("data: one\n\n");
    expect(await response.text()).toContain(`"code":"DEADLINE_EXCEEDED"`);
  });

  it("holds a stream back for a client that does not read, and loses nothing of it", async () => {
    const event = `data: ${"x".repeat(64 * 1024)}\n\n`;
    // More than the buffers of two connections take.
    const count = 1_000;
    let sent = 0;
    const engine = await startEngine((_received, response) => {
      response.writeHead(200, sse);
      const write = (): void => {
        while (sent < count) {
          sent++;
          if (!response.write(event)) return void response.once("drain", write);
        }
        response.end();
      };
      write();
    });
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    const response = await proxy.post("/v1/chat/completions", chat);
    // Wait until the engine can write no more.
    for (let before = -1; before < sent;) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(sent).toBeLessThan(count);
    expect((await response.arrayBuffer()).byteLength).toBe(event.length * count);
    expect(await proxy.metric(`inference_output_tokens_total{${labels}}`)).toBe(count);
  });

  it.each([
    ["no model", `{"messages":[]}`, 400],
    ["the model twice", `{"model":"llama","messages":[],"mod\\u0065l":"other"}`, 400],
    ["a model that is a number", `{"model":1}`, 400],
    ["something that is not JSON", `model=llama`, 400],
    ["an unknown model", `{"model":"gpt"}`, 404],
    ["a model of another protocol", `{"model":"bert"}`, 404],
  ])("refuses a body with %s in OpenAI's form", async (_what, body, status) => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(vllmServer([engine.url]), tritonServer([engine.url])));
    const response = await proxy.post("/v1/chat/completions", body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error", param: null } });
    expect(engine.received).toHaveLength(0);
  });

  it("lists the models of all OpenAI engines", async () => {
    const models = ["zephyr", "llama"].map((name) => ({
      name,
      versions: [{ version: "1", weight: 100, targets: [] }],
    }));
    const proxy = await startTestProxy(
      table(vllmServer([], { name: "a" }), vllmServer([], { name: "b", models }), tritonServer([])),
    );
    expect(await (await fetch(`${proxy.url}/v1/models`)).json()).toEqual({
      object: "list",
      data: [
        { id: "llama", object: "model", created: 0, owned_by: "a" },
        { id: "zephyr", object: "model", created: 0, owned_by: "b" },
      ],
    });
  });
});
