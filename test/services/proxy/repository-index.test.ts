import { describe, expect, it } from "vitest";
import {
  deadUrl,
  json,
  startEngine,
  startTestProxy,
  table,
  target,
  tritonServer,
  vllmServer,
  type TestProxy,
} from "./testbed.ts";

describe("the repository index", () => {
  it("lists the models of all engines with the state that the engines report", async () => {
    const loaded = await startEngine((_received, response) =>
      json(response, 200, [
        { name: "bert", version: "1", state: "READY" },
        { name: "hidden", version: "1", state: "READY" },
        { name: "t5", version: "2", state: "LOADING" },
        "nonsense",
      ]),
    );
    const models = ["bert", "t5"].map((name, place) => ({
      name,
      versions: [{ version: String(place + 1), weight: 100, targets: [target([loaded.url])] }],
    }));
    const proxy = await startTestProxy(
      table(
        tritonServer([], { name: "a", models }),
        tritonServer([await deadUrl()], { name: "b" }),
        vllmServer([]),
      ),
    );
    const response = await proxy.post("/v2/repository/index", {});
    expect(await response.json()).toEqual([
      { name: "bert", version: "1", state: "READY" },
      { name: "t5", version: "2", state: "LOADING" },
      { name: "bert", version: "1", state: "UNAVAILABLE" },
    ]);
  });

  describe("of a server that takes any model", () => {
    const startIndex = (entries: unknown) =>
      startEngine((_received, response) => json(response, 200, entries));
    const indexOf = async (proxy: TestProxy, request: unknown = {}) =>
      (await proxy.post("/v2/repository/index", request)).json();

    it("lists what its engines list, ready where one of them has it ready", async () => {
      const [first, second] = [
        await startIndex([
          { name: "bert", version: "1", state: "LOADING", reason: "secret path /mnt/models" },
          { name: "t5" },
          { name: "gpt" },
          { name: 7, version: "1" },
        ]),
        await startIndex([
          { name: "bert", version: "1", state: "READY" },
          { name: "t5", version: "3", state: "READY" },
        ]),
      ];
      const anyModel = target([first.url, await deadUrl(), second.url]);
      const proxy = await startTestProxy(table(tritonServer([], { models: [], anyModel })));
      const ready = [
        { name: "bert", version: "1", state: "READY" },
        { name: "t5", version: "3", state: "READY" },
      ];
      expect(await indexOf(proxy)).toEqual([...ready, { name: "gpt", state: "UNAVAILABLE" }]);
      expect(await indexOf(proxy, { ready: true })).toEqual(ready);
    });

    it("shows of the table's own models what the table says, to those who may use them", async () => {
      const engine = await startIndex(
        ["bert", "other", "secret"].flatMap((name) =>
          ["1", "2"].map((version) => ({ name, version, state: "READY" })),
        ),
      );
      const server = tritonServer([engine.url], { anyModel: target([engine.url]) });
      const secret = server.models.map((model) => ({
        ...model,
        name: "secret",
        allow: { users: ["alice"] },
      }));
      const proxy = await startTestProxy(table({ ...server, models: [...server.models, ...secret] }));
      expect(await indexOf(proxy)).toEqual([
        { name: "bert", version: "1", state: "READY" },
        { name: "other", version: "1", state: "READY" },
        { name: "other", version: "2", state: "READY" },
      ]);
      expect(engine.received).toHaveLength(1);
    });

    it("is not held up by an engine that lists more than anybody has, or no list", async () => {
      const many = Array.from({ length: 10_001 }, (_, place) => ({ name: `m${place}`, version: "1" }));
      const tooLong = JSON.stringify([{ name: "x".repeat(1024 * 1024), version: "1" }]);
      const bodies = [many, tooLong, "nonsense", "null"];
      const servers = await Promise.all(
        bodies.map(async (body, place) => {
          const engine = await startIndex(body);
          return tritonServer([], { name: `s${place}`, models: [], anyModel: target([engine.url]) });
        }),
      );
      const proxy = await startTestProxy(table(...servers));
      expect(await indexOf(proxy)).toHaveLength(10_000);
    });
  });
});
