import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { until } from "../testbed.ts";
import { startFakeEngine } from "./fake-engine.ts";
import { bert, anyVersion, labels, targetOf, serverWith, proxied, oneEngine } from "./proxied-engines.ts";

test("does not answer questions about a model that the caller may not use", async () => {
  const { client, engine } = await oneEngine({ allow: { users: ["ada"] } });
  for (const method of ["ModelMetadata", "ModelInfer"]) {
    const { code, trailers } = await client.call(method, bert);
    expect([code, trailers.get("x-error-code")[0]]).toEqual([status.PERMISSION_DENIED, "NOT_ALLOWED"]);
  }
  expect(engine.seen).toEqual([]);
});

test("counts a call that went on to another endpoint as a retry", async () => {
  const [gone, alive] = [await startFakeEngine(0, "127.0.0.2"), await startFakeEngine(0, "127.0.0.3")];
  gone.kill();
  // All draws choose the first endpoint of equal ones.
  const target = targetOf([gone, alive], { grpcPort: alive.port });
  const { client, proxy, lines } = await proxied([serverWith(target)], { random: () => 0 });
  expect((await client.call("ModelInfer", bert)).code).toBe(status.OK);
  await until(() => lines.length === 1);
  expect(await proxy.metric(`inference_retries_total{${labels}}`)).toBe(1);
});

test("repeats no more calls than the target's budget for retries allows", async () => {
  const [one, two] = [await startFakeEngine(0, "127.0.0.2"), await startFakeEngine(0, "127.0.0.3")];
  one.kill();
  two.kill();
  const { client, proxy, lines } = await proxied([serverWith(targetOf([one, two]))]);
  const calls = Array.from({ length: 1_000 }, () => client.call("ModelInfer", bert));
  const codes = new Set((await Promise.all(calls)).map(({ code }) => code));
  expect([...codes]).toEqual([status.UNAVAILABLE]);
  await until(() => lines.length === 1_000);
  const retries = await proxy.metric(`inference_retries_total{${labels}}`);
  // A hundred, and one more for every five calls; ten a second come on top.
  expect(retries).toBeGreaterThan(100);
  expect(retries).toBeLessThan(500);
});

test("keeps a session at one endpoint by the metadata that the model says", async () => {
  const first = await startFakeEngine(0, "127.0.0.2");
  const engines = [
    first,
    await startFakeEngine(first.port, "127.0.0.3"),
    await startFakeEngine(first.port, "127.0.0.4"),
  ];
  const affinity = { by: "session", header: "x-session" } as const;
  const { client } = await proxied([serverWith(targetOf(engines), { affinity })]);
  const served = new Set<number>();
  for (let session = 0; session < 12; session++) {
    const before = engines.map(({ seen }) => seen.length);
    const headers = { "x-session": `s-${session}` };
    for (let count = 0; count < 4; count++) await client.call("ModelInfer", bert, { headers });
    const gained = engines.map(({ seen }, at) => seen.length - (before[at] ?? 0));
    expect(gained.toSorted()).toEqual([0, 0, 4]);
    served.add(gained.indexOf(4));
  }
  expect(served.size).toBeGreaterThan(1);
});

test("keeps a caller at one version by the metadata that the model says", async () => {
  const engine = await startFakeEngine();
  const targets = [targetOf([engine])];
  const versions = ["1", "2"].map((version) => ({ version, weight: 50, targets }));
  const sticky = { by: "header", header: "x-tenant" } as const;
  const { client } = await proxied([serverWith(targetOf([engine]), { versions, sticky })]);
  const chosen = new Set<unknown>();
  for (let tenant = 0; tenant < 12; tenant++) {
    const headers = { "x-tenant": `t-${tenant}` };
    const of = new Set<unknown>();
    for (let count = 0; count < 4; count++) {
      const { head } = await client.call("ModelInfer", anyVersion, { headers });
      of.add(head.get("x-model-version")[0]);
    }
    expect(of.size).toBe(1);
    for (const version of of) chosen.add(version);
  }
  expect(chosen.size).toBe(2);
});

test("goes to the data plane that the metadata name, and does not tell the engine", async () => {
  const [east, west] = [await startFakeEngine(), await startFakeEngine()];
  const { client } = await proxied([
    { ...serverWith(targetOf([east])), name: "east", dataPlane: "east" },
    { ...serverWith(targetOf([west])), name: "west", dataPlane: "west" },
  ]);
  const asked = await client.call("ModelInfer", bert, { headers: { "x-data-plane": "west" } });
  expect(asked.head.get("x-inference-server")).toEqual(["west"]);
  expect(west.seen[0]?.metadata.get("x-data-plane")).toEqual([]);
  const { code } = await client.call("ModelInfer", bert, { headers: { "x-data-plane": "north" } });
  expect(code).toBe(status.NOT_FOUND);
  expect(east.seen).toEqual([]);
});
