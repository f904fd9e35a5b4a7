import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { RouteModel, RouteServer, RoutingTable } from "../../../platform/routes/routing-table.ts";
import {
  json,
  replaceFile,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  target,
  tritonServer,
  until,
  vllmServer,
} from "./testbed.ts";

/** A Triton server whose model "bert" has what a test is about. */
const withModel = (urls: readonly string[], changes: Partial<RouteModel>) => {
  const server = tritonServer(urls);
  return tritonServer(urls, { models: server.models.map((model) => ({ ...model, ...changes })) });
};

const keyed = (key: string): Record<string, string> => ({ "x-domino-api-key": key });

/** A proxy that asks a Domino where each key begins with its user's name. */
async function startWithKeys(limits: Partial<RoutingTable>, model: Partial<RouteModel> = {}) {
  const domino = await startEngine(({ headers }, response) => {
    const [canonicalName] = String(headers["x-domino-api-key"]).split("'");
    json(response, 200, { isAnonymous: false, isAdmin: false, canonicalName });
  });
  const engine = await startUsing(110);
  const routing = { ...table(withModel([engine.url], model), vllmServer([engine.url])), ...limits };
  const proxy = await startTestProxy(routing, {
    auth: { kind: "credentials", domino: { hostUrl: domino.url } },
  });
  return { proxy, engine, routing };
}

/** An engine whose answers have used so many tokens. */
const startUsing = (tokens: number) =>
  startEngine((_received, response) =>
    json(response, 200, { choices: [], usage: { prompt_tokens: 60, completion_tokens: tokens - 60 } }),
  );

/** An engine that answers when it is told to. */
async function startHeldEngine() {
  const held: (() => void)[] = [];
  const engine = await startEngine((_received, response) => {
    held.push(() => json(response, 200, { engine: "held" }));
  });
  return { engine, held, release: () => held.splice(0).forEach((answer) => answer()) };
}

describe("the concurrency of a model", () => {
  it("lets as many requests to the engine as it may run, and the next when one has ended", async () => {
    const { engine, held, release } = await startHeldEngine();
    const proxy = await startTestProxy(
      table(withModel([engine.url], { concurrency: { running: 2, queued: 5 } })),
    );
    const answers = [1, 2, 3].map(() => proxy.predict({}));
    await until(async () => (await proxy.metric(queuedSeries)) === 1);
    expect(held).toHaveLength(2);
    release();
    await until(() => held.length === 1);
    release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await proxy.metric(queuedSeries)).toBe(0);
  });

  it("answers 429 with Retry-After where the queue is full", async () => {
    const { engine, held, release } = await startHeldEngine();
    const proxy = await startTestProxy(
      table(withModel([engine.url], { concurrency: { running: 1, queued: 0 } })),
    );
    const first = proxy.predict({});
    await until(() => held.length === 1);
    const refused = await proxy.predict({});
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toMatchObject({ error: { code: "QUEUE_FULL" } });
    release();
    expect((await first).status).toBe(200);
    expect(await proxy.metric(requestsSeries(429))).toBe(1);
  });

  it("takes a more important request before one that came first", async () => {
    const { engine, held, release } = await startHeldEngine();
    const server = withModel([engine.url], {
      concurrency: { running: 1, queued: 5 },
      versions: [
        {
          version: "1",
          weight: 100,
          targets: [target([engine.url], { serviceClasses: ["Premium", "Free"] })],
        },
      ],
    });
    const proxy = await startTestProxy({ ...table(server), serviceClasses: ["Premium", "Free"] });
    const order: string[] = [];
    const ask = async (name: string, serviceClass: string) => {
      const { status } = await proxy.predict({ payload: { name } }, { "x-service-class": serviceClass });
      expect(status).toBe(200);
      order.push(name);
    };
    const asked = [ask("first", "Free")];
    await until(() => held.length === 1);
    asked.push(ask("free", "Free"));
    await until(async () => (await proxy.metric(queuedSeries)) === 1);
    asked.push(ask("premium", "Premium"));
    await until(async () => (await proxy.metric(premiumQueuedSeries)) === 1);
    for (let answered = 0; answered < 3; answered++) {
      await until(() => held.length === 1);
      release();
    }
    await Promise.all(asked);
    expect(order).toEqual(["first", "premium", "free"]);
  });

  it("gives the place of a client back that goes away while it waits", async () => {
    const { engine, held, release } = await startHeldEngine();
    const proxy = await startTestProxy(
      table(withModel([engine.url], { concurrency: { running: 1, queued: 1 } })),
    );
    const first = proxy.predict({});
    await until(() => held.length === 1);
    const leaving = new AbortController();
    const waiting = fetch(`${proxy.url}/predict`, {
      method: "POST",
      body: JSON.stringify({ inference_server_name: "tabular", model_name: "bert", payload: {} }),
      signal: leaving.signal,
    }).catch(() => "gone");
    await until(async () => (await proxy.metric(queuedSeries)) === 1);
    leaving.abort();
    expect(await waiting).toBe("gone");
    await until(async () => (await proxy.metric(queuedSeries)) === 0);
    const next = proxy.predict({});
    await until(async () => (await proxy.metric(queuedSeries)) === 1);
    release();
    await until(() => held.length === 1);
    release();
    expect([(await first).status, (await next).status]).toEqual([200, 200]);
    expect(engine.received).toHaveLength(2);
  });
});

describe("rates", () => {
  it("answer 429 when a model has had its requests of the minute, whoever asked", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(withModel([engine.url], { rate: { requestsPerMinute: 2 } })));
    const statuses = [];
    for (let index = 0; index < 3; index++) statuses.push((await proxy.predict({})).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect(engine.received).toHaveLength(2);
  });

  it("count each key of a caller for itself, and all of them for the caller", async () => {
    const { proxy, engine } = await startWithKeys({
      callerRate: { requestsPerMinute: 5 },
      keyRate: { requestsPerMinute: 2 },
    });
    const statuses = async (key: string): Promise<number[]> => {
      const found: number[] = [];
      for (let count = 0; count < 3; count++) found.push((await proxy.predict({}, keyed(key))).status);
      return found;
    };
    expect(await statuses("jane's one")).toEqual([200, 200, 429]);
    expect(await statuses("jane's other")).toEqual([200, 200, 429]);
    // The one that is left to the caller.
    expect(await statuses("jane's third")).toEqual([200, 429, 429]);
    expect(await statuses("joe's one")).toEqual([200, 200, 429]);
    expect(engine.received).toHaveLength(7);
  });

  it("take the tokens that a key used off that key's", async () => {
    const { proxy } = await startWithKeys({ keyRate: { tokensPerMinute: 100 } });
    const chat = { model: "llama", messages: [] };
    const ask = async (key: string) => (await proxy.post("/v1/chat/completions", chat, keyed(key))).status;
    expect([await ask("jane's one"), await ask("jane's one"), await ask("jane's other")]).toEqual([
      200, 429, 200,
    ]);
  });

  it("take nothing of a model's share for who has used up its own", async () => {
    const { proxy } = await startWithKeys(
      { keyRate: { requestsPerMinute: 1 } },
      { rate: { requestsPerMinute: 3 } },
    );
    const ask = async (key: string) => (await proxy.predict({}, keyed(key))).status;
    const first: number[] = [];
    for (let count = 0; count < 5; count++) first.push(await ask("jane's one"));
    expect(first).toEqual([200, 429, 429, 429, 429]);
    expect([await ask("joe's one"), await ask("joe's other"), await ask("joe's third")]).toEqual([
      200, 200, 429,
    ]);
  });

  it("get the tokens of a request that was under way when the table was reloaded", async () => {
    const held: (() => void)[] = [];
    const engine = await startEngine((_received, response) => {
      held.push(() => json(response, 200, { usage: { prompt_tokens: 60, completion_tokens: 50 } }));
    });
    const server = vllmServer([engine.url]);
    const models = server.models.map((model) => ({ ...model, rate: { tokensPerMinute: 100 } }));
    const routing = table({ ...server, models });
    const proxy = await startTestProxy(routing);
    const chat = { model: "llama", messages: [] };
    const first = proxy.post("/v1/chat/completions", chat);
    await until(() => held.length === 1);
    await replaceFile(proxy.routesFile, JSON.stringify(routing, undefined, 2));
    await until(() => proxy.logged.some(({ msg }) => String(msg).includes("reloaded")));
    held[0]?.();
    expect((await first).status).toBe(200);
    await until(async () => (await proxy.post("/v1/chat/completions", chat)).status === 429);
    expect(held).toHaveLength(1);
  });

  it("change at a reload, without a new allowance for who has to wait", async () => {
    const { proxy, routing } = await startWithKeys({ keyRate: { requestsPerMinute: 1 } });
    const ask = async (key: string) => (await proxy.predict({}, keyed(key))).status;
    expect([await ask("jane's one"), await ask("jane's one")]).toEqual([200, 429]);
    const reload = async (changes: Partial<RoutingTable>, model: string): Promise<void> => {
      const [server] = routing.servers;
      const models = [...(server?.models ?? []), { ...(server?.models[0] as RouteModel), name: model }];
      const servers = [{ ...(server as RouteServer), models }];
      await replaceFile(proxy.routesFile, JSON.stringify({ ...routing, ...changes, servers }));
      const known = { model_name: model };
      await until(async () => (await proxy.predict(known, keyed("joe's one"))).status !== 404);
    };
    await reload({ keyRate: { requestsPerMinute: 2 } }, "second");
    expect(await ask("jane's one")).toBe(429);
    const { keyRate: _, ...unlimited } = routing;
    await replaceFile(proxy.routesFile, JSON.stringify(unlimited));
    await until(async () => (await ask("jane's one")) === 200);
  });

  it("count a caller over all models, and tokens when the engine has told them", async () => {
    const engine = await startUsing(110);
    const proxy = await startTestProxy({
      ...table(vllmServer([engine.url])),
      callerRate: { tokensPerMinute: 100 },
    });
    const chat = { model: "llama", messages: [] };
    expect((await proxy.post("/v1/chat/completions", chat)).status).toBe(200);
    const refused = await proxy.post("/v1/chat/completions", chat);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(1);
  });
});

describe("the header timeout", () => {
  it("shortens the deadline of a request", async () => {
    const { engine, release } = await startHeldEngine();
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    const response = await proxy.predict({}, { timeout: "0.05" });
    expect(response.status).toBe(504);
    expect(engine.received[0]?.headers).not.toHaveProperty("timeout");
    release();
  });

  it.each(["0", "-1", "soon", "1e3", "Infinity", ""])("is refused as %j", async (timeout) => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])));
    expect((await proxy.predict({}, { timeout })).status).toBe(400);
    expect(engine.received).toHaveLength(0);
  });
});

describe("names of a version", () => {
  it("may be an alias, or latest for the highest number", async () => {
    const engine = await startNamedEngine("one");
    const versions = ["2", "9", "10"].map((version) => ({
      version,
      weight: version === "2" ? 100 : 0,
      targets: [target([engine.url])],
    }));
    const proxy = await startTestProxy(
      table(withModel([engine.url], { versions, aliases: { stable: "9" } })),
    );
    for (const version of ["latest", "stable", "2"]) await proxy.predict({ model_version: version });
    expect(engine.received.map(({ url }) => url)).toEqual([
      "/v2/models/bert/versions/10/infer",
      "/v2/models/bert/versions/9/infer",
      "/v2/models/bert/versions/2/infer",
    ]);
    expect((await proxy.predict({ model_version: "newest" })).status).toBe(404);
  });

  it("stay the same for a value of the sticky header, while others are drawn", async () => {
    const engine = await startNamedEngine("one");
    const versions = ["1", "2"].map((version) => ({ version, weight: 50, targets: [target([engine.url])] }));
    const proxy = await startTestProxy(
      table(withModel([engine.url], { versions, sticky: { by: "header", header: "x-session" } })),
    );
    const versionOf = async (session: string): Promise<string | undefined> => {
      await proxy.predict({}, { "x-session": session });
      return /versions\/(\d)/.exec(engine.received.at(-1)?.url ?? "")?.[1];
    };
    const first = new Set<string | undefined>();
    for (let index = 0; index < 20; index++) first.add(await versionOf("ada"));
    expect(first.size).toBe(1);
    const all = new Set<string | undefined>();
    for (let index = 0; index < 40; index++) all.add(await versionOf(`user-${index}`));
    expect(all.size).toBe(2);
  });
});

it("keeps a session at one replica, whatever the load decides for others", async () => {
  const engines = await Promise.all(["a", "b", "c"].map(startNamedEngine));
  const proxy = await startTestProxy(
    table(
      withModel([], {
        affinity: { by: "session", header: "x-session" },
        versions: [{ version: "1", weight: 100, targets: [target(engines.map(({ url }) => url))] }],
      }),
    ),
  );
  for (let index = 0; index < 12; index++) await proxy.predict({}, { "x-session": "ada" });
  expect(engines.map(({ received }) => received.length).toSorted()).toEqual([0, 0, 12]);
});

it("keeps who waits and who is inside when the limits change", async () => {
  const { engine, held, release } = await startHeldEngine();
  const limited = (running: number) =>
    table(withModel([engine.url], { concurrency: { running, queued: 5 } }));
  const proxy = await startTestProxy(limited(1));
  const answers = [1, 2, 3].map(() => proxy.predict({}));
  await until(async () => (await proxy.metric(queuedSeries)) === 2);
  await replaceFile(proxy.routesFile, JSON.stringify(limited(3)));
  await until(() => held.length === 3);
  release();
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

const labels = `server="tabular",model="bert",version="1",service_class="Free"`;
const queuedSeries = `inference_queued_requests{${labels}}`;
const premiumQueuedSeries = queuedSeries.replace("Free", "Premium");
const requestsSeries = (status: number): string => `inference_requests_total{${labels},status="${status}"}`;

describe("what is held in memory", () => {
  /** Sends a head and a part of its body, which is all that is read at once, and then more of it. */
  const inTwoParts = async (port: number, contentLength: number): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let text = "";
    socket.setEncoding("latin1").on("data", (part: string) => (text += part));
    socket.on("error", () => undefined);
    socket.write(`POST /predict HTTP/1.1\r\nhost: proxy\r\ncontent-length: ${contentLength}\r\n\r\n{`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(" ".repeat(Math.min(contentLength - 2, 900)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    return text;
  };

  it("is refused with code and id where bodies that are still coming have used it up", async () => {
    const engine = await startNamedEngine("one");
    const lines: string[] = [];
    const proxy = await startTestProxy(table(tritonServer([engine.url])), {
      maxBodyBytes: 1000,
      audit: { write: (line: string) => lines.push(line) },
    });
    const texts = await Promise.all(Array.from({ length: 12 }, () => inTwoParts(proxy.port, 1000)));
    const refused = texts.filter((text) => text !== "");
    // Eight times the longest body, of which each has sent 901 bytes.
    expect(refused).toHaveLength(4);
    for (const text of refused) {
      expect(text).toMatch(/^HTTP\/1\.1 503 /);
      expect(text.toLowerCase()).toMatch(/\r\nretry-after: \d+\r\n/);
      expect(text.toLowerCase()).toContain("\r\nx-request-id: ");
      expect(text).toContain(`"OVERLOADED"`);
    }
    await until(() => lines.length === 4);
    expect(lines.every((line) => line.includes(`"errorCode":"OVERLOADED"`))).toBe(true);
  });

  it("is not taken by a body whose head says that it is too long", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])), { maxBodyBytes: 1000 });
    const text = await inTwoParts(proxy.port, 20_000);
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toContain(`"BODY_TOO_LARGE"`);
  });

  it("is not for strangers to take: bodies of unknown senders are not read", async () => {
    const engine = await startNamedEngine("one");
    const folder = await mkdtemp(join(tmpdir(), "proxy-test-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "tokens.json");
    const token = "t".repeat(40);
    await writeFile(file, JSON.stringify([{ name: "service", token }]));
    const proxy = await startTestProxy(table(tritonServer([engine.url])), {
      auth: { kind: "credentials", token: { file } },
      maxBodyBytes: 1024 * 1024,
    });
    const strangers = Array.from({ length: 64 }, () => {
      const socket = connect(proxy.port, "127.0.0.1", () =>
        socket.write("POST /predict HTTP/1.1\r\nhost: proxy\r\ncontent-length: 1000000\r\n\r\n{"),
      );
      onTestFinished(() => void socket.destroy());
      return socket.on("error", () => {});
    });
    await Promise.all(strangers.map((socket) => once(socket, "data")));
    expect((await proxy.predict({}, { authorization: `Bearer ${token}` })).status).toBe(200);
  });

  it("is only what has come: a length alone takes nothing from others", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])), { maxBodyBytes: 1024 * 1024 });
    for (let index = 0; index < 64; index++) {
      const socket = connect(proxy.port, "127.0.0.1", () =>
        socket.write("POST /predict HTTP/1.1\r\nhost: proxy\r\ncontent-length: 1000000\r\n\r\n{"),
      );
      onTestFinished(() => void socket.destroy());
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await proxy.predict({})).status).toBe(200);
  });
});

it("does not blame an engine for a client that waits too short a time", async () => {
  const slow = await startEngine((_received, response) => {
    setTimeout(() => json(response, 200, { engine: "slow" }), 40);
  });
  const other = await startNamedEngine("other");
  const proxy = await startTestProxy(table(tritonServer([slow.url, other.url])), { random: () => 0 });
  for (let index = 0; index < 8; index++) {
    expect((await proxy.predict({}, { timeout: "0.01" })).status).toBe(504);
  }
  // It is still the one that is drawn.
  expect(await (await proxy.predict({})).json()).toMatchObject({ result: { engine: "slow" } });
  expect(other.received).toHaveLength(0);
});

it("counts the tokens of an answer in an envelope", async () => {
  const engine = await startEngine((_received, response) =>
    json(response, 200, { choices: [], usage: { prompt_tokens: 7, completion_tokens: 5 } }),
  );
  const proxy = await startTestProxy(table(vllmServer([engine.url])));
  const envelope = { inference_server_name: "chat", model_name: "llama", payload: { messages: [] } };
  expect((await proxy.post("/predict", envelope)).status).toBe(200);
  const series = `server="chat",model="llama",version="1",service_class="Free"`;
  expect(await proxy.metric(`inference_input_tokens_total{${series}}`)).toBe(7);
  expect(await proxy.metric(`inference_output_tokens_total{${series}}`)).toBe(5);
});

it("says which method a path takes", async () => {
  const proxy = await startTestProxy(table());
  const response = await fetch(`${proxy.url}/predict`);
  expect(response.status).toBe(405);
  expect(response.headers.get("allow")).toBe("POST");
});
