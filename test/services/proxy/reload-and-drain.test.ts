import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  json,
  replaceFile,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  tritonServer,
  until,
  vllmServer,
  type TestProxy,
} from "./testbed.ts";

const reloads = (proxy: TestProxy, count: number) =>
  until(async () => (await proxy.metric("inference_route_reloads_total")) >= count);

describe("reload of the routing table", () => {
  it("drops no request while engines are swapped under load", async () => {
    const [first, second] = [await startNamedEngine("first"), await startNamedEngine("second")];
    const proxy = await startTestProxy(table(tritonServer([first.url])));
    let stop = false;
    const statuses = new Set<number>();
    const clients = Array.from({ length: 8 }, async () => {
      while (!stop) statuses.add((await proxy.predict({ payload: { x: "y".repeat(1_000) } })).status);
    });
    for (let swap = 1; swap <= 10; swap++) {
      const engine = swap % 2 === 0 ? first : second;
      await replaceFile(proxy.routesFile, JSON.stringify(table(tritonServer([engine.url]))));
      await reloads(proxy, swap + 1);
    }
    stop = true;
    await Promise.all(clients);
    expect([...statuses]).toEqual([200]);
    for (const engine of [first, second]) expect(engine.received.length).toBeGreaterThan(0);
  });

  it("lets a request in flight end at an endpoint that is no longer in the table", async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const engine = await startEngine((_received, response) => asked.resolve(response));
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const answer = proxy.predict({});
    const upstream = await asked.promise;
    await replaceFile(proxy.routesFile, JSON.stringify(table()));
    await reloads(proxy, 2);
    expect((await proxy.predict({})).status).toBe(404);
    json(upstream, 200, { late: true });
    expect(await (await answer).json()).toEqual({ status_code: 200, result: { late: true } });
  });

  it("keeps the last good table when the new one is wrong, and takes the next good one", async () => {
    const [first, second] = [await startNamedEngine("first"), await startNamedEngine("second")];
    const proxy = await startTestProxy(table(tritonServer([first.url])));
    await replaceFile(proxy.routesFile, `{"kind": "Nonsense"`);
    await until(() => proxy.logged.some(({ msg }) => String(msg).includes("the last good one stays")));
    expect((await proxy.predict({})).status).toBe(200);
    await rm(proxy.routesFile);
    await replaceFile(proxy.routesFile, JSON.stringify(table(tritonServer([second.url]))));
    await reloads(proxy, 2);
    expect(await (await proxy.predict({})).json()).toMatchObject({ result: { engine: "second" } });
  });

  it("sees the swap of a ConfigMap's symlink", async () => {
    const [first, second] = [await startNamedEngine("first"), await startNamedEngine("second")];
    const folder = await mkdtemp(join(tmpdir(), "configmap-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const mount = async (version: string, url: string) => {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, "routes.json"), JSON.stringify(table(tritonServer([url]))));
      await symlink(version, join(folder, "..data_tmp"));
      await rename(join(folder, "..data_tmp"), join(folder, "..data"));
    };
    await mount("..1", first.url);
    await symlink("..data/routes.json", join(folder, "routes.json"));
    const proxy = await startTestProxy(table(), { routesFile: join(folder, "routes.json") });
    expect(await (await proxy.predict({})).json()).toMatchObject({ result: { engine: "first" } });
    await mount("..2", second.url);
    await reloads(proxy, 2);
    expect(await (await proxy.predict({})).json()).toMatchObject({ result: { engine: "second" } });
  });
});

describe("shutdown", () => {
  const chat = { model: "llama", messages: [], stream: true };
  const startStream = async (options: { drainTimeoutMs?: number } = {}) => {
    const opened = Promise.withResolvers<ServerResponse>();
    const engine = await startEngine((_received, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      opened.resolve(response);
    });
    const proxy = await startTestProxy(table(vllmServer([engine.url])), options);
    const response = await proxy.post("/v1/chat/completions", chat);
    return { proxy, response, upstream: await opened.promise };
  };

  it("refuses new connections, finishes streams, and is not ready meanwhile", async () => {
    const { proxy, response, upstream } = await startStream();
    // A connection from before the shutdown is still served, and then closed.
    const probe = connect(proxy.port, "127.0.0.1");
    await new Promise((resolve) => probe.once("connect", resolve));
    probe.write("GET /readyz HTTP/1.1\r\nhost: a\r\n");
    // The server counts a connection as busy only once it has read from it, a few turns of the event loop from now.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    const closed = proxy.close();
    let answer = "";
    probe.on("data", (chunk) => (answer += chunk.toString()));
    probe.write("\r\n");
    await new Promise((resolve) => probe.once("close", resolve));
    expect(answer).toMatch(/^HTTP\/1.1 503 .*connection: close/is);
    await expect(fetch(`${proxy.url}/healthz`)).rejects.toThrow();
    upstream.end("data: 2\n\n");
    expect(await response.text()).toBe("data: 1\n\ndata: 2\n\n");
    await closed;
  });

  it("breaks off what outlasts the drain deadline", async () => {
    const { proxy, response, upstream } = await startStream({ drainTimeoutMs: 20 });
    const aborted = new Promise((resolve) => upstream.once("close", resolve));
    await proxy.close();
    await expect(response.text()).rejects.toThrow();
    await aborted;
  });

  it("does not wait for a client that keeps its connection after its last answer", async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const engine = await startEngine((_received, response) => asked.resolve(response));
    // Long beyond the test's own limit: only the end of the connection can end the wait.
    const proxy = await startTestProxy(table(tritonServer([engine.url])), { drainTimeoutMs: 600_000 });
    const client = connect(proxy.port, "127.0.0.1");
    onTestFinished(() => void client.destroy());
    client.resume().write("POST /v2/models/bert/infer HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}");
    const upstream = await asked.promise;
    const closed = proxy.close();
    json(upstream, 200, {});
    await closed;
  });

  it("can be asked for twice", async () => {
    const proxy = await startTestProxy(table());
    await Promise.all([proxy.close(), proxy.close()]);
  });
});
