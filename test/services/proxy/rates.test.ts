import { describe, expect, it } from "vitest";
import type { RouteModel, RouteServer, RoutingTable } from "../../../platform/routes/routing-table.ts";
import {
  json,
  replaceFile,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  until,
  vllmServer,
  withModel,
} from "./testbed.ts";

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
