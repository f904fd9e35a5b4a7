import { createServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  deadUrl,
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

const withTarget = (urls: readonly string[], timeoutMs: number) =>
  table(
    tritonServer([], {
      models: [
        { name: "bert", versions: [{ version: "1", weight: 100, targets: [target(urls, { timeoutMs })] }] },
      ],
    }),
  );

describe("failures upstream", () => {
  it("answers 502 when the engine refuses the connection, and says nothing of its address", async () => {
    const url = await deadUrl();
    const proxy = await startTestProxy(table(tritonServer([url])));
    const response = await proxy.predict({});
    expect(response.status).toBe(502);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ status_code: 502, error: { code: "ENGINE_UNREACHABLE" } });
    expect(text).not.toMatch(/127\.0\.0\.1|ECONNREFUSED|:\d{4,5}/);
    expect(proxy.logged).toContainEqual(
      expect.objectContaining({ code: "ENGINE_UNREACHABLE", server: "tabular" }),
    );
  });

  it("tries one other endpoint when a connection cannot be made", async () => {
    const engine = await startNamedEngine("alive");
    // 0 draws the first of the list.
    const proxy = await startTestProxy(table(tritonServer([await deadUrl(), engine.url])), {
      random: () => 0,
    });
    expect(await (await proxy.predict({})).json()).toMatchObject({ result: { engine: "alive" } });
  });

  it("tries no third endpoint", async () => {
    const proxy = await startTestProxy(
      table(
        tritonServer([
          await deadUrl(),
          await deadUrl(),
          await deadUrl(),
          (await startNamedEngine("alive")).url,
        ]),
      ),
      { random: () => 0 },
    );
    expect((await proxy.predict({})).status).toBe(502);
    // The endpoints that refused come last for a while.
    expect((await proxy.predict({})).status).toBe(200);
  });

  it("repeats a request that an engine received and did not answer, at another one", async () => {
    const broken = await startEngine((_received, response) => response.destroy());
    const other = await startNamedEngine("other");
    const proxy = await startTestProxy(table(tritonServer([broken.url, other.url])), { random: () => 0 });
    const response = await proxy.predict({});
    expect(response.status).toBe(200);
    expect(broken.received).toHaveLength(1);
    expect(other.received).toHaveLength(1);
    expect(other.received[0]?.body).toEqual(broken.received[0]?.body);
  });

  it("does not repeat a request that a stateful model has received", async () => {
    const broken = await startEngine((_received, response) => response.destroy());
    const other = await startNamedEngine("other");
    const server = tritonServer([broken.url, other.url]);
    const models = server.models.map((model) => ({ ...model, stateful: true }));
    const proxy = await startTestProxy(table({ ...server, models }), { random: () => 0 });
    const response = await proxy.predict({});
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "ENGINE_FAILED" } });
    expect(other.received).toHaveLength(0);
  });

  it("sends nothing on a connection that the engine has ended after its answer", async () => {
    const answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let connections = 0;
    const engine = createServer((socket) => {
      connections++;
      socket.once("data", () => socket.end(answer));
    });
    await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void engine.close());
    const server = tritonServer([`http://127.0.0.1:${(engine.address() as AddressInfo).port}`]);
    // What was sent to such a model is not repeated, so that each one lost shows.
    const models = server.models.map((model) => ({ ...model, stateful: true }));
    const proxy = await startTestProxy(table({ ...server, models }));
    for (let count = 0; count < 30; count++) expect((await proxy.predict({})).status).toBe(200);
    expect(connections).toBe(30);
  });

  it("ends a stream that the engine breaks off short of the length that it told", async () => {
    const engine = await startEngine((_received, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "content-length": 1000 });
      response.write(`data: {"choices":[{}]}\n\n`);
      setTimeout(() => response.destroy(), 10);
    });
    const proxy = await startTestProxy(table(vllmServer([engine.url])));
    const chat = { model: "llama", messages: [], stream: true };
    const response = await proxy.post("/v1/chat/completions", chat);
    expect(response.headers.get("content-length")).toBe(null);
    expect(await response.text()).toMatch(/^data: \{"choices":\[\{\}\]\}\n\n\ndata: \{"error":.+\}\n\n$/);
  });

  it("answers 502 to an engine that compresses an answer which has to stand in an envelope", async () => {
    const engine = await startEngine(({ headers }, response) => {
      expect(headers["accept-encoding"]).toBe("identity");
      response
        .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
        .end(gzipSync("{}"));
    });
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const response = await proxy.predict({});
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "ENGINE_ANSWER_INVALID" } });
  });

  it("answers a whole 502 when the engine breaks off in the middle of its answer", async () => {
    const engine = await startEngine((_received, response) => {
      response
        .writeHead(200, { "content-type": "application/json", "content-length": 100 })
        .write(`{"half":`);
      setTimeout(() => response.destroy(), 10);
    });
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const response = await proxy.predict({});
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "ENGINE_FAILED" } });
    // A native answer is under way by then; its connection is broken, so that it cannot pass for complete.
    await expect(proxy.post("/v2/models/bert/infer", {}).then((native) => native.text())).rejects.toThrow();
  });

  it("answers 502 to an engine that does not speak HTTP", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {}).end("SSH-2.0-OpenSSH_9.6\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const proxy = await startTestProxy(
      table(tritonServer([`http://127.0.0.1:${(server.address() as AddressInfo).port}`])),
    );
    expect((await proxy.predict({})).status).toBe(502);
  });

  it("answers 504 when the engine does not answer in time, and breaks its connection", async () => {
    const hung = Promise.withResolvers<undefined>();
    const engine = await startEngine(
      (_received, response) => void response.once("close", () => hung.resolve(undefined)),
    );
    const proxy = await startTestProxy(withTarget([engine.url], 50));
    const response = await proxy.predict({});
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ error: { code: "DEADLINE_EXCEEDED" } });
    await hung.promise;
  });

  it("answers 503 with Retry-After when the model has no endpoint", async () => {
    const proxy = await startTestProxy(table(tritonServer([])));
    const response = await proxy.predict({});
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ error: { code: "NO_ENDPOINT" } });
  });

  it("spreads requests over the endpoints by their outstanding requests", async () => {
    const waiting: (() => void)[] = [];
    const engines = await Promise.all(
      [0, 1].map(() => startEngine((_received, response) => waiting.push(() => json(response, 200, {})))),
    );
    const proxy = await startTestProxy(table(tritonServer(engines.map(({ url }) => url))));
    const answers = Array.from({ length: 10 }, () => proxy.predict({}));
    await until(() => waiting.length === 10);
    expect(engines.map(({ received }) => received.length)).toEqual([5, 5]);
    waiting.forEach((answer) => answer());
    await Promise.all(answers);
  });
});

describe("headers", () => {
  it("keeps credentials, routing headers and claims about the client away from the engine", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const secret = {
      authorization: "Bearer secret",
      "x-domino-api-key": "secret",
      cookie: "session=secret",
      "x-api-key": "secret",
      "proxy-authorization": "Basic secret",
      "x-forwarded-for": "secret",
      forwarded: "for=secret",
      // What servers that make variables of headers would take for the ones above.
      X_Api_Key: "secret",
      x_forwarded_for: "secret",
    };
    for (const path of ["/predict", "/v2/models/bert/infer"]) {
      const body = { inference_server_name: "tabular", model_name: "bert", payload: {} };
      expect((await proxy.post(path, body, { ...secret, "x-tag": "kept" })).status).toBe(200);
    }
    expect(JSON.stringify(engine.received)).not.toContain("secret");
    expect(engine.received[1]?.headers["x-tag"]).toBe("kept");
  });

  it("drops headers that the client's Connection header keeps for itself", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    await new Promise<void>((resolve) => {
      const socket = connect(proxy.port, "127.0.0.1", () =>
        socket.end(
          "POST /v2/models/bert/infer HTTP/1.1\r\nhost: a\r\nconnection: close, x-private\r\nx-private: 1\r\nx-tag: 2\r\ncontent-length: 2\r\n\r\n{}",
        ),
      );
      socket.on("data", () => {}).on("close", () => resolve());
    });
    expect(engine.received[0]?.headers).toMatchObject({ "x-tag": "2" });
    expect(engine.received[0]?.headers).not.toHaveProperty("x-private");
  });

  it("lets only harmless headers of the engine through", async () => {
    const engine = await startEngine((_received, response) =>
      response
        .writeHead(200, {
          "set-cookie": "a=b",
          server: "uvicorn",
          location: "http://internal",
          "x-host": "gpu-7",
        })
        .end("{}"),
    );
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const response = await proxy.post("/v2/models/bert/infer", {});
    for (const name of ["set-cookie", "server", "location", "x-host"])
      expect(response.headers.get(name)).toBeNull();
  });

  it("takes over a well-formed request id and replaces any other", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const kept = await proxy.predict({}, { "x-request-id": "trace-1.a:b_C" });
    expect(kept.headers.get("x-request-id")).toBe("trace-1.a:b_C");
    expect(engine.received[0]?.headers["x-request-id"]).toBe("trace-1.a:b_C");
    for (const id of ["has space", "a".repeat(129), `"quoted"`]) {
      const replaced = await proxy.predict({}, { "x-request-id": id });
      expect(replaced.headers.get("x-request-id")).toMatch(/^[\w-]{12}\.[0-9a-z]+$/);
    }
  });

  it("refuses a routing header that is given twice", async () => {
    const proxy = await startTestProxy(table(tritonServer(["http://127.0.0.1:9"])));
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connect(proxy.port, "127.0.0.1", () =>
        socket.end(
          "GET /v2/models/bert HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-model-version: 1\r\nx-model-version: 2\r\n\r\n",
        ),
      );
      socket.on("data", (chunk) => (text += chunk.toString())).on("close", () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });

  it("refuses requests whose framing is ambiguous without contact to the engine", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const head = "POST /v2/models/bert/infer HTTP/1.1\r\nhost: a\r\n";
    const attempts = [
      `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      `${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}}`,
      `${head}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
      `${head}content-length: 2\nx: y\r\n\r\n{}`,
    ];
    for (const attempt of attempts) {
      const answer = await new Promise<string>((resolve) => {
        let text = "";
        const socket = connect(proxy.port, "127.0.0.1", () => socket.write(attempt));
        socket.on("error", () => {});
        socket.on("data", (chunk) => (text += chunk.toString())).on("close", () => resolve(text));
      });
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
    }
    expect(engine.received).toHaveLength(0);
  });
});

describe("metrics", () => {
  it("bounds its labels to the names of the routing table", async () => {
    const proxy = await startTestProxy(table(tritonServer([(await startNamedEngine("one")).url])));
    for (const name of ["made-up-1", "made-up-2"]) {
      await proxy.predict({ model_name: name });
      await proxy.post(`/v2/models/${name}/infer`, {});
    }
    await proxy.predict({});
    const text = await (await fetch(`${proxy.url}/metrics`)).text();
    expect(text).not.toContain("made-up");
    const unknown = `server="unknown",model="unknown",version="unknown",service_class="unknown"`;
    expect(await proxy.metric(`inference_requests_total{${unknown},status="404"}`)).toBe(4);
    const known = `server="tabular",model="bert",version="1",service_class="Free"`;
    expect(await proxy.metric(`inference_requests_total{${known},status="200"}`)).toBe(1);
    expect(await proxy.metric(`inference_request_duration_seconds_count{${known}}`)).toBe(1);
    expect(await proxy.metric(`inference_in_flight_requests{${known}}`)).toBe(0);
  });
});
