import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { json, startEngine, startTestProxy, table, tritonServer, until, vllmServer } from "./testbed.ts";

type Line = Record<string, unknown>;

/** A proxy before an engine that answers, streams and breaks off by path, with its audit lines. */
async function auditedProxy() {
  const lines: Line[] = [];
  const engine = await startEngine(({ url, body }, response) => {
    if (!url.startsWith("/v1/")) return json(response, 200, { outputs: [] });
    return stream(response, JSON.parse(body.toString("utf8")) as { readonly breaksOff?: boolean });
  });
  const proxy = await startTestProxy(table(tritonServer([engine.url]), vllmServer([engine.url])), {
    audit: { write: (line: string) => void lines.push(JSON.parse(line) as Line) },
  });
  return { proxy, lines };
}

const unknownLabels = `server="unknown",model="unknown",version="unknown",service_class="unknown"`;
const token = `data: {"choices":[{"delta":{"content":"a"}}]}\n\n`;

function stream(response: ServerResponse, { breaksOff = false }: { readonly breaksOff?: boolean }): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(token);
  setTimeout(() => (breaksOff ? response.destroy() : response.end("data: [DONE]\n\n")), 20);
}

it("has a line for each request, with the bytes of both bodies", async () => {
  const { proxy, lines } = await auditedProxy();
  const body = `{"inference_server_name":"tabular","model_name":"bert","payload":{"inputs":[]}}`;
  const answer = await (await proxy.post("/predict", body)).text();
  await until(() => lines.length === 1);
  expect(lines[0]).toMatchObject({
    method: "POST",
    path: "/predict",
    model: "bert",
    status: 200,
    requestBytes: body.length,
    answerBytes: answer.length,
  });
});

it("has a line for lists, metadata and paths that are not there, and none for probes and metrics", async () => {
  const { proxy, lines } = await auditedProxy();
  for (const path of ["/livez", "/readyz", "/healthz", "/metrics", "/v2/health/ready"])
    await (await fetch(proxy.url + path)).text();
  const list = await (await fetch(`${proxy.url}/v1/models`)).text();
  await (await fetch(`${proxy.url}/v2/models/bert`)).text();
  await (await fetch(`${proxy.url}/nothing?api_key=secret`)).text();
  await until(() => lines.length === 3);
  expect(lines).toMatchObject([
    { method: "GET", path: "/v1/models", status: 200, queueMs: 0, requestBytes: 0, answerBytes: list.length },
    { method: "GET", path: "/v2/models/bert", status: 200, requestBytes: 0 },
    { method: "GET", path: "/nothing", status: 404, errorCode: "PATH_UNKNOWN" },
  ]);
});

it("has the client's address and a line for whoever leaves, in the middle of a body or of an answer", async () => {
  const { proxy, lines } = await auditedProxy();
  const leaving = connect(proxy.port, "127.0.0.1");
  leaving.write(`POST /predict HTTP/1.1\r\nhost: proxy\r\ncontent-length: 100\r\n\r\n{"inf`);
  // The head alone is no sign that the body is being waited for.
  setTimeout(() => leaving.write("erence"), 20);
  setTimeout(() => leaving.destroy(), 40);
  await until(() => lines.length === 1);
  const client = new AbortController();
  const { signal } = client;
  const body = JSON.stringify({ model: "llama", stream: true });
  await fetch(`${proxy.url}/v1/chat/completions`, { method: "POST", body, signal });
  client.abort();
  await until(() => lines.length === 2);
  const left = { status: 499, errorCode: "CLIENT_CLOSED", clientAddress: "127.0.0.1" };
  expect(lines).toMatchObject([
    { ...left, path: "/predict", requestBytes: 11 },
    { ...left, path: "/v1/chat/completions" },
  ]);
  expect(await proxy.metric(`inference_requests_total{${unknownLabels},status="499"}`)).toBe(1);
});

it("counts the bytes of a body that comes in chunks, and of one that is passed on as a stream", async () => {
  const { proxy, lines } = await auditedProxy();
  const chunked = `{"inference_server_name":"tabular","model_name":"bert","payload":{"inputs":[]}}`;
  await new Promise<void>((resolve) => {
    const socket = connect(proxy.port, "127.0.0.1");
    socket.write(
      `POST /predict HTTP/1.1\r\nhost: proxy\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n` +
        `${chunked.length.toString(16)}\r\n${chunked}\r\n0\r\n\r\n`,
    );
    socket.resume().on("close", () => resolve());
  });
  const large = JSON.stringify({ inputs: [{ name: "x", data: "1".repeat(6 * 1024 * 1024) }] });
  await (await proxy.post("/v2/models/bert/infer", large)).text();
  await until(() => lines.length === 2);
  expect(lines).toMatchObject([{ requestBytes: chunked.length }, { requestBytes: large.length }]);
});

it("counts a stream as far as the client got it, its error event included", async () => {
  const { proxy, lines } = await auditedProxy();
  const texts: string[] = [];
  for (const breaksOff of [false, true])
    texts.push(await (await proxy.post("/v1/chat/completions", { model: "llama", breaksOff })).text());
  await until(() => lines.length === 2);
  expect(texts[1]).toContain("error");
  expect(lines.map(({ answerBytes }) => answerBytes)).toEqual(texts.map((text) => text.length));
  expect(lines[1]).toMatchObject({ status: 502, errorCode: "ENGINE_FAILED" });
});
