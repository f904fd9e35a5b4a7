import { describe, expect, it } from "vitest";
import {
  deadUrl,
  json,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  target,
  tritonServer,
  vllmServer,
} from "./testbed.ts";

describe("the Open Inference Protocol", () => {
  it("passes an infer request with its binary tensors through to the version that the path names", async () => {
    const engine = await startEngine((_received, response) =>
      response
        .writeHead(200, {
          "content-type": "application/octet-stream",
          "inference-header-content-length": "2",
        })
        .end(Buffer.from([0x7b, 0x7d, 0x00, 0xff])),
    );
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const body = Buffer.from([0x7b, 0x7d, 0xff, 0x00, 0x80]);
    const response = await proxy.post("/v2/models/bert/versions/1/infer", body, {
      "inference-header-content-length": "2",
      "content-type": "application/octet-stream",
    });
    expect(response.headers.get("inference-header-content-length")).toBe("2");
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from([0x7b, 0x7d, 0x00, 0xff]));
    expect(engine.received[0]).toMatchObject({ url: "/v2/models/bert/versions/1/infer", body });
    expect(engine.received[0]?.headers["inference-header-content-length"]).toBe("2");
  });

  it("fills in the version by weight or from the header, and says which version answered", async () => {
    const engine = await startNamedEngine("one");
    const versions = [
      { version: "1", weight: 100, targets: [target([engine.url])] },
      { version: "2", weight: 0, targets: [target([engine.url])] },
    ];
    const proxy = await startTestProxy(table(tritonServer([], { models: [{ name: "bert", versions }] })));
    const byWeight = await proxy.post("/v2/models/bert/infer", {});
    const byHeader = await proxy.post("/v2/models/bert/infer", {}, { "x-model-version": "2" });
    expect(byWeight.headers.get("x-model-version")).toBe("1");
    expect(byHeader.headers.get("x-model-version")).toBe("2");
    const contradiction = await proxy.post(
      "/v2/models/bert/versions/1/infer",
      {},
      { "x-model-version": "2" },
    );
    expect(contradiction.status).toBe(400);
    expect(engine.received.map(({ url }) => url)).toEqual([
      "/v2/models/bert/versions/1/infer",
      "/v2/models/bert/versions/2/infer",
    ]);
  });

  it("takes the preloaded server of a model that two hold, unless the header names one", async () => {
    const [first, second] = [await startNamedEngine("a"), await startNamedEngine("b")];
    const proxy = await startTestProxy(
      table(
        tritonServer([first.url], { name: "a", loading: "on-demand" }),
        tritonServer([second.url], { name: "b" }),
      ),
    );
    const chosen = await proxy.post("/v2/models/bert/infer", {});
    expect(chosen.headers.get("x-inference-server")).toBe("b");
    const named = await proxy.post("/v2/models/bert/infer", {}, { "x-inference-server": "a" });
    expect(named.headers.get("x-inference-server")).toBe("a");
  });

  it("passes metadata and readiness of a model through", async () => {
    const engine = await startEngine(({ url }, response) =>
      url.endsWith("/ready") ? response.writeHead(400).end() : json(response, 200, { name: "bert" }),
    );
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    expect(await (await fetch(`${proxy.url}/v2/models/bert`)).json()).toEqual({ name: "bert" });
    expect((await fetch(`${proxy.url}/v2/models/bert/versions/1/ready`)).status).toBe(400);
    expect(engine.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /v2/models/bert/versions/1",
      "GET /v2/models/bert/versions/1/ready",
    ]);
  });

  it.each(["", "/ready", "/config", "/versions/1", "/versions/1/ready", "/versions/1/config"])(
    "waits for an engine's word at models/bert%s as long as the client does, and refuses other words for that",
    async (path) => {
      const engine = await startEngine(() => undefined);
      const proxy = await startTestProxy(table(tritonServer([engine.url])));
      const asked = (timeout: string) =>
        fetch(`${proxy.url}/v2/models/bert${path}`, { headers: { timeout } });
      expect((await asked("abc")).status).toBe(400);
      expect(engine.received).toHaveLength(0);
      expect((await asked("0.05")).status).toBe(504);
    },
  );

  it("answers 404 in the protocol's own form to a model of another protocol and to an unknown one", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url]), vllmServer([engine.url])));
    for (const model of ["llama", "gpt", "..", "%2e%2e%2fhealth"]) {
      const response = await proxy.post(`/v2/models/${model}/infer`, {});
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject(
        model === ".." ? {} : { error: expect.any(String) as string },
      );
    }
    expect(engine.received).toHaveLength(0);
  });

  it("refuses a path that is not percent-encoded UTF-8", async () => {
    const proxy = await startTestProxy(table());
    expect((await proxy.post("/v2/models/%ff/infer", {})).status).toBe(400);
  });
});

describe("health", () => {
  it("answers /healthz as the reference proxy does", async () => {
    const proxy = await startTestProxy(table());
    const response = await fetch(`${proxy.url}/healthz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toBe("{'status': 'Healthy'}");
  });

  it.each(["/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/metrics"])(
    "answers %s",
    async (path) => {
      const proxy = await startTestProxy(table());
      expect((await fetch(proxy.url + path)).status).toBe(200);
    },
  );

  it("answers 404 to an unknown path and 405 to a wrong method", async () => {
    const proxy = await startTestProxy(table());
    expect((await fetch(`${proxy.url}/predict/x`)).status).toBe(404);
    expect((await fetch(`${proxy.url}/predict`)).status).toBe(405);
    expect((await proxy.post("/healthz", {})).status).toBe(405);
  });
});

describe("models loaded on demand", () => {
  const onDemand = (urls: readonly string[], timeoutMs = 10_000) =>
    table(
      tritonServer([], {
        loading: "on-demand",
        models: [
          { name: "bert", versions: [{ version: "1", weight: 100, targets: [target(urls, { timeoutMs })] }] },
        ],
      }),
    );
  const isLoad = ({ url }: { url: string }) => url === "/v2/repository/models/bert/load";

  it("loads a model once before its first requests, however many come together", async () => {
    const engine = await startEngine((received, response) =>
      isLoad(received) ? setTimeout(() => json(response, 200, {}), 30) : json(response, 200, {}),
    );
    const proxy = await startTestProxy(onDemand([engine.url]));
    const responses = await Promise.all(Array.from({ length: 10 }, () => proxy.predict({})));
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect((await proxy.post("/v2/models/bert/infer", {})).status).toBe(200);
    expect(engine.received.filter(isLoad)).toHaveLength(1);
    expect(engine.received[0]?.url).toBe("/v2/repository/models/bert/load");
  });

  it("answers 502 without the engine's words when the load fails, and tries again with the next request", async () => {
    let loads = 0;
    const engine = await startEngine((received, response) => {
      if (isLoad(received) && ++loads === 1) json(response, 400, { error: "secret path /mnt/models" });
      else json(response, 200, {});
    });
    const proxy = await startTestProxy(onDemand([engine.url]));
    const refused = await proxy.predict({});
    expect(refused.status).toBe(502);
    expect(await refused.text()).not.toContain("secret");
    expect((await proxy.predict({})).status).toBe(200);
  });

  it("answers 504 when the load outlasts the request's deadline, and lets the load finish for the next one", async () => {
    const loading = Promise.withResolvers<() => void>();
    const engine = await startEngine((received, response) => {
      if (isLoad(received)) loading.resolve(() => json(response, 200, {}));
      else json(response, 200, {});
    });
    const proxy = await startTestProxy(onDemand([engine.url], 500));
    expect((await proxy.predict({})).status).toBe(504);
    (await loading.promise)();
    expect((await proxy.predict({})).status).toBe(200);
    expect(engine.received.filter(isLoad)).toHaveLength(1);
  });

  it.each([404, 503])(
    "loads a model again when the engine has lost it and answers %i",
    async (lostStatus) => {
      let loaded = false;
      let restarted = false;
      const engine = await startEngine((received, response) => {
        if (isLoad(received)) loaded = true;
        if (received.url.endsWith("/infer") && !restarted) {
          restarted = true;
          loaded = false;
        }
        json(response, loaded ? 200 : lostStatus, {});
      });
      const proxy = await startTestProxy(onDemand([engine.url]));
      expect((await proxy.predict({})).status).toBe(lostStatus);
      while ((await proxy.predict({})).status !== 200);
      expect(engine.received.filter(isLoad)).toHaveLength(2);
    },
  );

  it("loads and asks at another endpoint when one cannot be reached", async () => {
    const engine = await startNamedEngine("alive");
    const proxy = await startTestProxy(onDemand([await deadUrl(), engine.url]), { random: () => 0 });
    expect((await proxy.predict({})).status).toBe(200);
  });
});
