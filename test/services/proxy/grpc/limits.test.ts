import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import type { Principal } from "../../../../services/proxy/auth/principal.ts";
import { until } from "../testbed.ts";
import { startFakeEngine } from "./fake-engine.ts";
import { collected } from "./grpc-testbed.ts";
import { bert, held, labels, oneEngine, proxied, serverWith, targetOf } from "./proxied-engines.ts";

test("takes a call that is cancelled in the queue out of it at once, and measures all who waited", async () => {
  const { engine, client, proxy, lines } = await oneEngine({ concurrency: { running: 1, queued: 1 } });
  const letGo = held(engine);
  const first = client.call("ModelInfer", bert);
  await until(() => engine.seen.length === 1);
  const leaving = new AbortController();
  const second = client.call("ModelInfer", bert, { signal: leaving.signal });
  const queued = `inference_queued_requests{${labels}}`;
  await until(async () => (await proxy.metric(queued)) === 1);
  expect((await client.call("ModelInfer", bert)).trailers.get("x-error-code")).toEqual(["QUEUE_FULL"]);
  leaving.abort();
  expect((await second).code).toBe(status.CANCELLED);
  await until(async () => (await proxy.metric(queued)) === 0);
  const third = client.call("ModelInfer", bert);
  await until(async () => (await proxy.metric(queued)) === 1);
  expect(engine.seen).toHaveLength(1);
  letGo();
  expect([(await first).code, (await third).code]).toEqual([status.OK, status.OK]);
  await until(() => lines.length === 4);
  expect(lines.map(({ status: code }) => code).toSorted()).toEqual([200, 200, 429, 499]);
  expect(engine.seen).toHaveLength(2);
  // Not the one that found the queue full.
  expect(await proxy.metric(`inference_queue_seconds_count{${labels}}`)).toBe(2);
  expect(await proxy.metric(`inference_upstream_seconds_count{${labels}}`)).toBe(2);
  expect(await proxy.metric(`inference_in_flight_requests{${labels}}`)).toBe(0);
  expect(await proxy.metric(`inference_requests_total{${labels},status="499"}`)).toBe(1);
});

test("takes a call whose client's deadline passes in the queue out of it, and never asks the engine", async () => {
  const { engine, client, proxy, lines } = await oneEngine({ concurrency: { running: 1, queued: 1 } });
  const letGo = held(engine);
  const first = client.call("ModelInfer", bert);
  await until(() => engine.seen.length === 1);
  const late = await client.call("ModelInfer", bert, { deadlineMs: 200 });
  expect(late.code).toBe(status.DEADLINE_EXCEEDED);
  await until(async () => (await proxy.metric(`inference_queued_requests{${labels}}`)) === 0);
  letGo();
  expect((await first).code).toBe(status.OK);
  await until(() => lines.length === 2);
  expect(lines[0]).toMatchObject({ status: 504, errorCode: "DEADLINE_EXCEEDED", model: "bert" });
  expect(await proxy.metric(`inference_queue_seconds_count{${labels}}`)).toBe(1);
  expect(engine.seen).toHaveLength(1);
  expect(await proxy.metric(`inference_in_flight_requests{${labels}}`)).toBe(0);
  expect(await proxy.metric(`inference_requests_total{${labels},status="504"}`)).toBe(1);
});

test("counts a call that a rate refuses for its model, and not as in flight", async () => {
  const { client, proxy, engine, lines } = await oneEngine({ rate: { requestsPerMinute: 1 } });
  expect((await client.call("ModelInfer", bert)).code).toBe(status.OK);
  expect((await client.call("ModelInfer", bert)).code).toBe(status.RESOURCE_EXHAUSTED);
  await until(() => lines.length === 2);
  expect(await proxy.metric(`inference_requests_total{${labels},status="429"}`)).toBe(1);
  expect(await proxy.metric(`inference_arrivals_total{${labels}}`)).toBe(2);
  expect(await proxy.metric(`inference_in_flight_requests{${labels}}`)).toBe(0);
  expect(lines[1]).toMatchObject({ status: 429, errorCode: "RATE_LIMITED", model: "bert" });
  expect(engine.seen).toHaveLength(1);
});

test("counts each key of a caller for itself, and all of them for the caller", async () => {
  const tokens = ["one", "other", "third"].map((name) => `${name}-token-of-a-batch-job-0123456789`);
  const folder = await mkdtemp(join(tmpdir(), "proxy-tokens-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "tokens.json");
  await writeFile(file, JSON.stringify(tokens.map((token) => ({ name: "batch", token }))));
  const engine = await startFakeEngine();
  const { client, lines } = await proxied(
    [serverWith(targetOf([engine]))],
    { auth: { kind: "credentials", token: { file } } },
    { callerRate: { requestsPerMinute: 5 }, keyRate: { requestsPerMinute: 2 } },
  );
  const codes: number[] = [];
  for (const token of tokens) {
    for (let count = 0; count < 3; count++)
      codes.push((await client.call("ModelInfer", bert, { headers: { "x-api-key": token } })).code);
  }
  const { OK, RESOURCE_EXHAUSTED: no } = status;
  expect(codes).toEqual([OK, OK, no, OK, OK, no, OK, no, no]);
  expect(engine.seen).toHaveLength(5);
  await until(() => lines.length === 9);
  expect(new Set(lines.map(({ principal }) => (principal as Principal).caller)).size).toBe(1);
  expect(new Set(lines.map(({ principal }) => (principal as Principal).key)).size).toBe(3);
});

test("takes nothing from a rate or a queue for questions about a model, and does not count them", async () => {
  const { client, proxy, engine } = await oneEngine({
    rate: { requestsPerMinute: 1 },
    concurrency: { running: 1, queued: 0 },
  });
  const letGo = held(engine);
  const inferring = client.call("ModelInfer", bert);
  await until(() => engine.seen.length === 1);
  const questions = (["ModelReady", "ModelMetadata", "ModelConfig"] as const).map((method) =>
    client.call(method, bert),
  );
  await until(() => engine.seen.length === 4);
  letGo();
  expect((await Promise.all([inferring, ...questions])).map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  expect(await proxy.metric(`inference_arrivals_total{${labels}}`)).toBe(1);
});

test("is left with nothing in flight by calls that end at any moment", { timeout: 60_000 }, async () => {
  const { engine, client, proxy, lines } = await oneEngine({ concurrency: { running: 2, queued: 20 } });
  // Connected before, so that the calls below end in the proxy and not in the client.
  await client.call("ModelInfer", bert);
  engine.answer = (call) => new Promise((resolve) => setTimeout(() => resolve(call.request), 2));
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 15 }, async (_, index) => {
      const leaving = new AbortController();
      setTimeout(() => leaving.abort(), index * 2);
      if (index % 5 !== 0) return client.call("ModelInfer", bert, { signal: leaving.signal });
      const stream = client.stream();
      const ended = collected(stream);
      stream.write(bert);
      leaving.signal.addEventListener("abort", () => stream.cancel());
      return ended;
    });
    await Promise.all(calls);
  }
  await until(async () => (await proxy.metric(`inference_in_flight_requests{${labels}}`)) === 0);
  expect(await proxy.metric(`inference_queued_requests{${labels}}`)).toBe(0);
  // Both places are free: calls at once find theirs, and nobody left more often than entered.
  const again = await Promise.all([client.call("ModelInfer", bert), client.call("ModelInfer", bert)]);
  expect(again.map(({ code }) => code)).toEqual([status.OK, status.OK]);
  const statuses = new Set(lines.map(({ status: code }) => code));
  expect([...statuses].toSorted()).toEqual([200, 499]);
});
