import { describe, expect, it } from "vitest";
import { startNamedEngine, startTestProxy, table, target, tritonServer } from "../testbed.ts";

async function startUnlisted() {
  const engine = await startNamedEngine("one");
  const proxy = await startTestProxy(table(tritonServer([], { models: [], anyModel: target([engine.url]) })));
  return { engine, proxy };
}

describe("models that only the engine knows", () => {
  it("refuses names that would lead elsewhere on the engine or have no encoding", async () => {
    const { engine, proxy } = await startUnlisted();
    for (const name of [".", "..", "\ud800", "a\r\nb", "a\0b"]) {
      const answer = await proxy.predict({ model_name: name });
      expect([name, answer.status]).toEqual([name, 400]);
    }
    for (const version of ["..", "1\r\nx: y", "é", "😀"]) {
      const answer = await proxy.predict({ model_version: version });
      expect([version, answer.status]).toEqual([version, 400]);
    }
    expect(engine.received).toHaveLength(0);
  });

  it("asks for every other name in one segment of the path", async () => {
    const { engine, proxy } = await startUnlisted();
    for (const name of ["meta/llama", "...", "a b?c#d", "modèle 😀"]) {
      expect((await proxy.predict({ model_name: name, model_version: "v 1/2" })).status).toBe(200);
      expect(engine.received.at(-1)?.url).toBe(
        `/v2/models/${encodeURIComponent(name)}/versions/v%201%2F2/infer`,
      );
    }
  });
});
