import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { ServerPlan } from "../../../../platform/plan/platform-plan.ts";
import { startLoad } from "../../../../services/emulator/load/load-generator.ts";
import { chatGroup, tabularGroup } from "../groups.ts";
import { eventually, metric, startedGroup } from "../running-group.ts";
import { present } from "../present.ts";

const inference: ServerPlan = {
  id: "tabular/bert-base/3/Premium",
  engine: "tabular",
  model: "bert-base",
  version: "3",
  serviceClass: "Premium",
  priority: 1,
  slo: {},
  load: { requestsPerMinute: 600, inputTokens: 1, outputTokens: 1 },
  task: "request-response",
  group: "tabular",
};

const chat: ServerPlan = {
  ...inference,
  id: "chat/llama-3-8b/7/Free",
  engine: "chat",
  model: "llama-3-8b",
  version: "7",
  serviceClass: "Free",
  load: { requestsPerMinute: 600, inputTokens: 12, outputTokens: 3 },
  task: "generation",
};

interface Seen {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function listening(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("requests carry class, engine, version and the planned tokens in the engine's protocol", async () => {
  const seen: Seen[] = [];
  const baseUrl = await listening((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push({ url: request.url, headers: request.headers, body });
      response.end("data: [DONE]\n\n");
    });
  });
  const load = startLoad({ baseUrl, plan: { servers: [inference, chat] }, seed: 1, rateFactor: 100 });
  const both = () => Promise.resolve(new Set(seen.map(({ url }) => url)).size);
  await eventually(both, (count) => count === 2);
  await load.stop();
  const infer = seen.find(({ url }) => url === "/v2/models/bert-base/versions/3/infer");
  expect(infer?.headers).toMatchObject({
    "x-service-class": "Premium",
    "x-inference-server": "tabular",
    "x-model-version": "3",
  });
  expect(JSON.parse(present(infer).body)).toMatchObject({
    inputs: [{ name: "input_ids", shape: [1, 8], datatype: "INT64" }],
  });
  const completion = seen.find(({ url }) => url === "/v1/chat/completions");
  expect(completion?.headers).toMatchObject({
    "x-service-class": "Free",
    "x-inference-server": "chat",
    "x-model-version": "7",
  });
  expect(JSON.parse(present(completion).body)).toEqual({
    model: "llama-3-8b",
    messages: [{ role: "user", content: "load".repeat(12) }],
    max_tokens: 3,
    stream: true,
  });
});

test.each([
  ["request/response", inference, `nv_inference_request_success{model="bert-base",version="3"}`],
  ["generation", chat, `vllm:request_success_total{model_name="llama-3-8b",finished_reason="length"}`],
] as const)("whole answers of an emulated %s engine count as ok", async (_, server, successes) => {
  const baseUrl =
    server.task === "generation"
      ? await startedGroup({ group: chatGroup(), loading: "preload", protocol: "openai" })
      : await startedGroup({ group: tabularGroup(), loading: "preload", protocol: "open-inference-v2" });
  const load = startLoad({ baseUrl, plan: { servers: [server] }, seed: 1, rateFactor: 20 });
  await eventually(
    () => metric(baseUrl, successes),
    (count) => (count ?? 0) >= 5,
  );
  const report = present((await load.stop()).servers[0]);
  expect(report).toMatchObject({ id: server.id, failed: 0, dropped: 0 });
  expect(report.ok).toBeGreaterThan(0);
  expect(report.ok + report.cancelled).toBe(report.sent);
});

test("errors and truncated streams count as failed; servers without a group get no load", async () => {
  let requests = 0;
  const truncating = await listening((request, response) => {
    requests++;
    if (request.url?.startsWith("/v2")) response.writeHead(503);
    response.end('data: {"choices":[]}\n\n');
  });
  const { group: _, ...unplaced } = inference;
  const servers = [inference, chat, { ...unplaced, id: "unplaced" }];
  const load = startLoad({ baseUrl: truncating, plan: { servers }, seed: 1, rateFactor: 50 });
  await eventually(
    () => Promise.resolve(requests),
    (count) => count >= 20,
  );
  const report = await load.stop();
  expect(await load.stop()).toEqual(report);
  expect(report.servers.map(({ id }) => id)).toEqual([inference.id, chat.id]);
  for (const { ok, failed, cancelled, sent } of report.servers) {
    expect([ok, failed + cancelled]).toEqual([0, sent]);
    expect(failed).toBeGreaterThan(0);
  }
});

test("a platform that is not there fails every request and nothing else", async () => {
  const load = startLoad({
    baseUrl: "http://127.0.0.1:1",
    plan: { servers: [inference] },
    seed: 1,
    rateFactor: 500,
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const report = present((await load.stop()).servers[0]);
  expect(report.failed).toBeGreaterThan(0);
  expect(report).toMatchObject({ ok: 0, sent: report.failed + report.cancelled });
});

test("a rate factor of 0 sends nothing", async () => {
  const load = startLoad({
    baseUrl: "http://127.0.0.1:1",
    plan: { servers: [inference] },
    seed: 1,
    rateFactor: 0,
  });
  expect((await load.stop()).servers).toMatchObject([{ sent: 0, dropped: 0 }]);
});

test("a platform that does not answer gets at most 256 requests at once; the rest is dropped and counted", async () => {
  let requests = 0;
  const silent = await listening(() => requests++);
  const load = startLoad({ baseUrl: silent, plan: { servers: [inference] }, seed: 1, rateFactor: 500 });
  await eventually(
    () => Promise.resolve(requests),
    (count) => count >= 256,
  );
  // Arrivals go on at five a millisecond while every place is taken.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { servers } = await load.stop();
  expect(servers[0]).toMatchObject({ sent: 256, ok: 0, failed: 0, cancelled: 256 });
  expect(present(servers[0]).dropped).toBeGreaterThan(0);
  expect(requests).toBe(256);
});
