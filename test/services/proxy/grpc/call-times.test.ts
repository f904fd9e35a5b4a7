import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { expect, test, vi } from "vitest";
import type { RouteModel } from "../../../../platform/routes/routing-table.ts";
import type { ProxyOptions } from "../../../../services/proxy/proxy-options.ts";
import { json, startEngine, until } from "../testbed.ts";
import { startCollector } from "../tracing/collector.ts";
import { collected } from "./grpc-testbed.ts";
import { inferRequest } from "./messages.ts";
import { bert, held, labels, oneEngine } from "./proxied-engines.ts";

const slowMs = 200;
/** What is left of it at least, whatever timers and the rounding of times make of it. */
const seenMs = 150;
const keyed = (key: string) => ({ "x-domino-api-key": key });
const headers = keyed("good");

/** What is looked at of an audit line. */
interface Line extends Record<string, unknown> {
  readonly status: number;
  readonly queueMs: number;
  readonly durationMs: number;
}

/** A proxy before one engine, whose callers are checked by a Domino that takes its time. */
async function checkedSlowly({
  checkMs = slowMs,
  model = {},
  options = {},
}: {
  readonly checkMs?: number;
  readonly model?: Partial<RouteModel>;
  readonly options?: Partial<ProxyOptions>;
}) {
  const domino = await startEngine(async ({ headers: sent }, response) => {
    await sleep(checkMs);
    const isKnown = String(sent["x-domino-api-key"]).startsWith("good");
    json(response, 200, { isAnonymous: !isKnown, canonicalName: "jane" });
  });
  const auth = { kind: "credentials", domino: { hostUrl: domino.url } } as const;
  const { lines, proxy, ...rest } = await oneEngine(model, {}, { auth, ...options });
  const sumMs = async (name: string): Promise<number> =>
    1000 * (await proxy.metric(`inference_${name}_seconds_sum{${labels}}`));
  return { ...rest, proxy, domino, lines: lines as Line[], sumMs };
}

test("takes the check of a credential neither for a queue nor for the engine's time", async () => {
  const collector = await startCollector();
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url);
  const { client, proxy, lines, sumMs } = await checkedSlowly({ options: { tracing: "otlp" } });
  vi.unstubAllEnvs();
  expect((await client.call("ModelInfer", bert, { headers })).code).toBe(status.OK);
  await until(() => lines.length === 1);
  expect(lines[0]).toMatchObject({ status: 200, queueMs: 0 });
  const durationMs = await sumMs("request_duration");
  expect(durationMs).toBeGreaterThan(seenMs);
  expect(await sumMs("upstream")).toBeLessThan(durationMs - seenMs);
  await proxy.close();
  const attributes = collector.spans()[0]?.attributes;
  expect(attributes).toMatchObject({ "inference.queue_seconds": 0 });
  expect(1000 * Number(attributes?.["inference.upstream_seconds"])).toBeLessThan(durationMs - seenMs);
});

test("takes the wait for a stream's first message neither for a queue nor for the engine's time", async () => {
  const { client, domino, lines, sumMs } = await checkedSlowly({ checkMs: 0 });
  const stream = client.stream({ headers });
  const ended = collected(stream);
  await until(() => domino.received.length === 1);
  await sleep(slowMs);
  stream.end(bert);
  expect((await ended).code).toBe(status.OK);
  await until(() => lines.length === 1);
  expect(lines[0]).toMatchObject({ status: 200, queueMs: 0 });
  const durationMs = await sumMs("request_duration");
  expect(durationMs).toBeGreaterThan(seenMs);
  expect(await sumMs("upstream")).toBeLessThan(durationMs - seenMs);
});

test("measures the wait of a call from when it asks for its turn, whether it gets it or not", async () => {
  const { client, engine, proxy, lines, sumMs } = await checkedSlowly({
    model: { concurrency: { running: 1, queued: 1 } },
  });
  const queued = `inference_queued_requests{${labels}}`;
  const letGo = held(engine);
  const first = client.call("ModelInfer", bert, { headers });
  await until(() => engine.seen.length === 1);
  const leaving = new AbortController();
  // Keys of their own: that of the first call needs no check any more.
  const second = client.call("ModelInfer", bert, { headers: keyed("good-2"), signal: leaving.signal });
  await until(async () => (await proxy.metric(queued)) === 1);
  await sleep(slowMs);
  leaving.abort();
  expect((await second).code).toBe(status.CANCELLED);
  await until(async () => (await proxy.metric(queued)) === 0);
  const leftAfterMs = await sumMs("queue");
  const third = client.call("ModelInfer", bert, { headers: keyed("good-3") });
  await until(async () => (await proxy.metric(queued)) === 1);
  letGo();
  expect([(await first).code, (await third).code]).toEqual([status.OK, status.OK]);
  await until(() => lines.length === 3);
  const [left, atOnce, served] = lines;
  expect(lines.map((line) => line.status)).toEqual([499, 200, 200]);
  expect(atOnce?.queueMs).toBe(0);
  expect(left?.queueMs).toBeGreaterThan(seenMs);
  expect(leftAfterMs).toBeGreaterThan(seenMs);
  expect(served?.queueMs).toBeGreaterThan(0);
  for (const line of [left, served]) expect(line?.queueMs).toBeLessThan((line?.durationMs ?? 0) - seenMs);
  // Lines have tenths of a millisecond.
  expect((await sumMs("queue")) - leftAfterMs).toBeCloseTo(served?.queueMs ?? 0, 0);
});

test("says of calls that are refused before they ask for a turn that they did not wait", async () => {
  const { client, lines } = await checkedSlowly({});
  await client.call("ModelInfer", inferRequest({ modelName: "unknown" }), { headers });
  await client.call("ModelInfer", bert, { headers: keyed("bad") });
  await until(() => lines.length === 2);
  expect(lines[0]).toMatchObject({ errorCode: "MODEL_UNKNOWN", queueMs: 0 });
  expect(lines[1]).toMatchObject({ errorCode: "CREDENTIAL_REFUSED", queueMs: 0 });
  for (const { durationMs } of lines) expect(durationMs).toBeGreaterThan(seenMs);
});
