import { Resolver } from "node:dns/promises";
import { beforeEach, expect, it, vi } from "vitest";
import { PlatformError } from "../../../../platform/errors/platform-error.ts";
import type { RouteTarget } from "../../../../platform/routes/routing-table.ts";
import { parseRoutes } from "../../../../services/proxy/routes-file.ts";
import { startTestProxy, table, target, tritonServer, until } from "../testbed.ts";
import { startTlsEngine } from "../tls-engine.ts";

const tabular = "tabular.inference.svc.cluster.local";
const chat = "chat.inference.svc.cluster.local";

beforeEach(() => {
  const found = [{ address: "127.0.0.1", ttl: 30 }];
  const resolve = vi.spyOn(Resolver.prototype, "resolve4").mockResolvedValue(found as unknown as string[]);
  return () => resolve.mockRestore();
});

/** A Triton server of the name, discovered by the DNS. */
function discovered(name: string, url: string, changes: Partial<RouteTarget> = {}) {
  const targets = [target([url], { discovery: "dns", ...changes })];
  return tritonServer([], { name, models: [{ name, versions: [{ version: "1", weight: 100, targets }] }] });
}

const infer = (model: string) => `/v2/models/${model}/infer`;

it("asks an address as the host of its URL", async () => {
  const engine = await startTlsEngine([tabular]);
  const proxy = await startTestProxy(table(discovered("a", `https://${tabular}:${engine.port}/base`)));
  expect((await proxy.post(infer("a"), { inputs: [] })).status).toBe(200);
  expect(engine.received).toEqual([
    { serverName: tabular, host: `${tabular}:${engine.port}`, url: "/base/v2/models/a/versions/1/infer" },
  ]);
});

it("sends nothing to an address that shows the certificate of another name", async () => {
  const engine = await startTlsEngine([chat]);
  const proxy = await startTestProxy(table(discovered("a", `https://${tabular}:${engine.port}`)));
  const answer = await proxy.post(infer("a"), { inputs: [] });
  expect(answer.status).toBe(502);
  const [failed] = proxy.logged.filter(({ code }) => code === "ENGINE_UNREACHABLE");
  expect(JSON.stringify(failed)).toContain("Hostname/IP does not match");
  expect(engine.received).toEqual([]);
});

it("keeps two names at one address apart", async () => {
  const engine = await startTlsEngine([tabular, chat]);
  const urls = [`https://${tabular}:${engine.port}`, `https://${chat}:${engine.port}`] as const;
  const proxy = await startTestProxy(table(discovered("a", urls[0]), discovered("b", urls[1])));
  for (const model of ["a", "b", "a"])
    expect((await proxy.post(infer(model), { inputs: [] })).status).toBe(200);
  expect(engine.received.map(({ serverName }) => serverName)).toEqual([tabular, chat, tabular]);
});

it("asks for the health of an address as the host of its URL", async () => {
  const engine = await startTlsEngine([tabular]);
  const url = `https://${tabular}:${engine.port}/base`;
  await startTestProxy(table(discovered("a", url, { healthPath: "/ready" })));
  await until(() => engine.received.length > 0);
  expect(engine.received[0]).toEqual({
    serverName: tabular,
    host: `${tabular}:${engine.port}`,
    url: "/base/ready",
  });
});

const endpoints = [`https://${tabular}:8443`];

it.each([
  ["https", { endpoints }, []],
  ["http with gRPC", { endpoints: [`http://${tabular}`], grpcPort: 8001 }, []],
  [
    "https with gRPC",
    { endpoints, grpcPort: 8001 },
    ["servers[0].models[0].versions[0].targets[0].grpcPort"],
  ],
])("takes discovered endpoints of %s or refuses the table", (_what, changes, refused) => {
  const problems = () => {
    try {
      parseRoutes(JSON.stringify(table(discovered("a", "", changes))), "routes.json");
      return [];
    } catch (error) {
      if (!PlatformError.is(error)) throw error;
      return error.problems.map(({ code, path }) => (code === "ROUTES_INVALID" ? path : code));
    }
  };
  expect(problems()).toEqual(refused);
});
