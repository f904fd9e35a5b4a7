import { beforeAll, afterAll, expect, test } from "vitest";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { routesTo, startProxied, type RunningProxied } from "./proxied.ts";
import { ask } from "./server-under-test.ts";
import { startTriton, type RunningTriton } from "./triton.ts";

const names = ["first", "second", "third"];

suite("Triton with room for two models behind the proxy", [serverNeed("triton")], () => {
  let triton: RunningTriton;
  let proxied: RunningProxied;

  beforeAll(async () => {
    triton = await startTriton({
      models: names.map((name) => ({ name, versions: ["1"], maxBatchSize: 8 })),
      loading: "on-demand",
    });
    const server = routesTo({
      name: "tabular",
      type: "triton",
      protocol: "open-inference-v2",
      loading: "on-demand",
      models: Object.fromEntries(names.map((name) => [name, ["1"]])),
      endpoints: [triton.url],
    });
    const models = server.models.map((model) => ({ ...model, pinned: model.name === "first" }));
    proxied = await startProxied({ ...server, models, unloading: { maxLoaded: 2 } });
  });
  afterAll(async () => {
    await proxied?.stop();
    await triton?.stop();
  });

  const infer = async (name: string): Promise<number> => {
    const input = { name: "input_ids", datatype: "INT64", shape: [1, 1], data: [7] };
    return (await ask(proxied, "POST", `/v2/models/${name}/infer`, { inputs: [input] })).status;
  };
  const ready = async (): Promise<string[]> => {
    const { json } = await ask(triton, "POST", "/v2/repository/index", { ready: true });
    return (json as { name: string }[]).map(({ name }) => name).toSorted();
  };

  test("the one longest not asked for makes room; a pinned one stays", async () => {
    expect(await infer("first")).toBe(200);
    expect(await infer("second")).toBe(200);
    expect(await infer("third")).toBe(200);
    expect(await ready()).toEqual(["first", "third"]);
  });

  test("requests for more models than there is room are all answered, and never are too many loaded", async () => {
    const most = { loaded: 0 };
    let done = false;
    const watching = (async () => {
      while (!done) most.loaded = Math.max(most.loaded, (await ready()).length);
    })();
    const asked = Array.from({ length: 12 }, (_, place) => infer(names[place % names.length] ?? ""));
    const statuses = await Promise.all(asked);
    done = true;
    await watching;
    expect(statuses).toEqual(asked.map(() => 200));
    expect(most.loaded).toBeLessThanOrEqual(2);
  });
});
