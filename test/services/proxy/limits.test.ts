import { describe, expect, it } from "vitest";
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
  withModel,
} from "./testbed.ts";

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
