import { connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  json,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  tritonServer,
  until,
} from "../testbed.ts";

const envelope = (name: string): string =>
  JSON.stringify({ inference_server_name: "tabular", model_name: "bert", payload: { name } });

const request = (body: string, lines: readonly string[] = [], path = "/predict"): string =>
  [
    `POST ${path} HTTP/1.1`,
    "host: proxy",
    ...lines,
    `content-length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");

/** A connection of which all bytes are seen. */
function open(port: number): { socket: Socket; text: () => string; closed: () => boolean } {
  let text = "";
  let closed = false;
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.setEncoding("latin1").on("data", (part: string) => (text += part));
  socket.on("error", () => {});
  socket.on("close", () => (closed = true));
  return { socket, text: () => text, closed: () => closed };
}

const answers = (text: string): number => text.split("HTTP/1.1 200 OK").length - 1;

/** An engine that answers with the name in its request, and starts late with the first. */
const startEchoEngine = () =>
  startEngine(({ body }, response) => {
    const { name } = JSON.parse(body.toString("utf8")) as { name: string };
    setTimeout(() => json(response, 200, { name }), name === "first" ? 30 : 0);
  });

describe("a connection", () => {
  it("answers requests that are sent ahead in their order", async () => {
    const engine = await startEchoEngine();
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const { socket, text } = open(proxy.port);
    const names = ["first", "second", "third"];
    socket.write(names.map((name) => request(envelope(name))).join(""));
    await until(() => answers(text()) === 3);
    expect([...text().matchAll(/"name":"(\w+)"/g)].map(([, name]) => name)).toEqual(names);
  });

  it("takes a request in pieces of any size", async () => {
    const engine = await startEchoEngine();
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const { socket, text } = open(proxy.port);
    socket.setNoDelay(true);
    for (const byte of request(envelope("pieces"))) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => answers(text()) === 1);
    // The same connection, with the head at once and the body in two pieces.
    const whole = request(envelope("again"));
    socket.write(whole.slice(0, -10));
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(whole.slice(-10));
    await until(() => answers(text()) === 2);
    expect(engine.received).toHaveLength(2);
  });

  it("goes to Node's server with the first request that is not plain, and loses none", async () => {
    const engine = await startEchoEngine();
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const { socket, text } = open(proxy.port);
    const chunked = envelope("chunked");
    socket.write(
      request(envelope("first")) +
        `POST /predict HTTP/1.1\r\nhost: proxy\r\ntransfer-encoding: chunked\r\n\r\n${chunked.length.toString(16)}\r\n${chunked}\r\n0\r\n\r\n` +
        "GET /livez HTTP/1.1\r\nhost: proxy\r\n\r\n" +
        request(envelope("last")),
    );
    await until(() => answers(text()) === 4);
    expect([...text().matchAll(/"name":"(\w+)"/g)].map(([, name]) => name)).toEqual([
      "first",
      "chunked",
      "last",
    ]);
  });

  it.each([
    ["without a queue", undefined],
    ["with one", { running: 1, queued: 1 }],
  ])(
    "does not take the time of a slow client for that of the engine or the queue, %s",
    async (_what, limit) => {
      const engine = await startNamedEngine("one");
      const server = tritonServer([engine.url]);
      const models = server.models.map((model) => ({ ...model, ...(limit && { concurrency: limit }) }));
      const proxy = await startTestProxy(table({ ...server, models }));
      const { socket, text } = open(proxy.port);
      const whole = request(envelope("slow"));
      socket.write(whole.slice(0, -5));
      await new Promise((resolve) => setTimeout(resolve, 400));
      socket.write(whole.slice(-5));
      await until(() => answers(text()) === 1);
      const labels = `server="tabular",model="bert",version="1",service_class="Free"`;
      const seconds = async (name: string) => proxy.metric(`inference_${name}_seconds_sum{${labels}}`);
      // However slow the machine is: what the client took is in the one and not in the other.
      expect((await seconds("request_duration")) - (await seconds("upstream"))).toBeGreaterThan(0.39);
      expect(await seconds("queue")).toBe(0);
    },
  );

  it("stops the engine's work when its client goes away", async () => {
    let stopped = false;
    const engine = await startEngine(
      (_received, response) => void response.on("close", () => (stopped = true)),
    );
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const { socket } = open(proxy.port);
    socket.write(request(envelope("gone")));
    await until(() => engine.received.length === 1);
    socket.destroy();
    await until(() => stopped);
  });

  it("ends with the answer when the proxy drains, and at once where it is idle", async () => {
    const engine = await startEchoEngine();
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const idle = open(proxy.port);
    idle.socket.write(request(envelope("idle")));
    await until(() => answers(idle.text()) === 1);
    const busy = open(proxy.port);
    busy.socket.write(request(envelope("first")));
    await until(() => engine.received.length === 2);
    await proxy.close();
    await until(() => busy.closed() && idle.closed());
    expect(answers(busy.text())).toBe(1);
    expect(busy.text()).toContain("connection: close");
  });

  it("passes a binary tensor and an answer of unknown length on as they are", async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256));
    const engine = await startEngine(({ body }, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      response.write(body.subarray(0, 100));
      setTimeout(() => response.end(body.subarray(100)), 5);
    });
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const response = await fetch(`${proxy.url}/v2/models/bert/infer`, { method: "POST", body: bytes });
    expect(response.headers.get("content-length")).toBeNull();
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
  });

  it("streams a body that is too large to be held, and ends it where the engine refuses it early", async () => {
    const large = Buffer.alloc(6 * 1024 * 1024, "x");
    const engine = await startEngine(({ body }, response) => json(response, 200, { bytes: body.length }));
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const infer = (): Promise<Response> =>
      fetch(`${proxy.url}/v2/models/bert/infer`, { method: "POST", body: large });
    expect(await (await infer()).json()).toEqual({ bytes: large.length });
  });
});

it("never mixes the answers of many connections up", async () => {
  const engine = await startEchoEngine();
  const other = await startNamedEngine("unused");
  const proxy = await startTestProxy(table(tritonServer([engine.url])));
  const asked = Array.from({ length: 400 }, async (_, index) => {
    const response = await proxy.predict({ payload: { name: `request-${index}` } });
    const { result } = (await response.json()) as { result: { name: string } };
    return result.name === `request-${index}`;
  });
  expect((await Promise.all(asked)).every(Boolean)).toBe(true);
  expect(other.received).toHaveLength(0);
});
