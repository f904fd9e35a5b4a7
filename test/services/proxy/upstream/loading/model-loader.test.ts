import { describe, expect, it, onTestFinished } from "vitest";
import { Deadlines } from "../../../../../services/proxy/upstream/connection/deadlines.ts";
import { Endpoints } from "../../../../../services/proxy/upstream/endpoints.ts";
import { ModelLoader } from "../../../../../services/proxy/upstream/model-loader.ts";
import { indexRoutes, type Route } from "../../../../../services/proxy/routing/routing-index.ts";
import { json, startEngine, table, target, tritonServer, until } from "../../testbed.ts";

/** An engine that answers an unload before the model has gone, as Triton does. */
async function startRepository(loaded: readonly string[]) {
  const states = new Map(loaded.map((name) => [name, "READY"]));
  const changes: string[] = [];
  const engine = await startEngine(({ url, body }, response) => {
    const [, verb] = /\/(load|unload|index|ready)$/.exec(url) ?? [];
    const name = /models\/([^/]+)/.exec(url)?.[1] ?? "";
    if (verb === "load" || verb === "unload") changes.push(`${verb} ${name}`);
    if (verb === "load") states.set(name, "READY");
    if (verb === "unload") {
      states.set(name, "UNLOADING");
      setTimeout(() => {
        states.delete(name);
        changes.push(`${name} is gone`);
      }, 30);
    }
    if (verb === "ready") json(response, states.get(name) === "READY" ? 200 : 400, "");
    else if (verb === "index") {
      const ready = body.includes('"ready":true');
      const entries = [...states].map(([entry, state]) => ({ name: entry, version: "1", state }));
      json(
        response,
        200,
        entries.filter(({ state }) => !ready || state === "READY"),
      );
    } else json(response, 200, {});
  });
  return { engine, states, changes };
}

function startLoader(url: string, unloading: { maxLoaded?: number; idleSeconds?: number }) {
  const endpoints = new Endpoints(
    () => 0,
    () => true,
  );
  onTestFinished(() => endpoints.destroy());
  const clock = { nowMs: 0 };
  const loader = new ModelLoader({ endpoints, deadlines: new Deadlines(), nowMs: () => clock.nowMs++ });
  onTestFinished(() => loader.close());
  const targets = [target([url])];
  const models = ["a", "b"].map((name) => ({ name, versions: [{ version: "1", weight: 100, targets }] }));
  const index = indexRoutes(table(tritonServer([], { loading: "on-demand", unloading, models })));
  const route = (name: string): Route => {
    const found = index.models.get("tabular")?.get(name)?.versions.get("1")?.routes.get("Free")?.[0];
    if (!found) throw new Error(`no route to ${name}`);
    return found;
  };
  const endpoint = endpoints.get(url);
  const ensure = (name: string): Promise<void> | undefined =>
    loader.ensureLoaded(endpoint, route(name), performance.now() + 5_000);
  return { loader, endpoint, route, ensure, clock, index };
}

describe("the loader of an engine", () => {
  it("finds what is loaded, and loads only once the model that makes room has left the memory", async () => {
    const { engine, changes } = await startRepository(["a", "unlisted"]);
    const { ensure, loader, endpoint } = startLoader(engine.url, { maxLoaded: 1 });
    await ensure("b");
    expect(changes).toEqual(["unload a", "a is gone", "load b"]);
    expect([loader.isLoaded(endpoint, "a"), loader.isLoaded(endpoint, "b")]).toEqual([false, true]);
    expect(ensure("b")).toBeUndefined();
  });

  it("unloads what is idle after its last release, and forgets endpoints that have left the table", async () => {
    const { engine, changes } = await startRepository([]);
    const { ensure, loader, endpoint, route, clock, index } = startLoader(engine.url, { idleSeconds: 60 });
    await ensure("a");
    clock.nowMs += 100_000;
    loader.sweep();
    loader.release(endpoint, route("a"));
    loader.sweep();
    expect(changes).toEqual(["load a"]);
    loader.use(index.servers, new Set());
    expect(loader.isLoaded(endpoint, "a")).toBe(false);
    await ensure("a");
    loader.release(endpoint, route("a"));
    clock.nowMs += 100_000;
    loader.sweep();
    await until(() => changes.includes("a is gone"));
    expect(changes).toEqual(["load a", "load a", "unload a", "a is gone"]);
  });

  it("loads again what the engine says it has lost", async () => {
    const { engine, states, changes } = await startRepository([]);
    const { ensure, loader, endpoint, route } = startLoader(engine.url, { maxLoaded: 2 });
    await ensure("a");
    await loader.verify(endpoint, route("a").model.name);
    expect(ensure("a")).toBeUndefined();
    states.delete("a");
    await loader.verify(endpoint, "a");
    await ensure("a");
    expect(changes).toEqual(["load a", "load a"]);
  });
});
