import { Resolver } from "node:dns/promises";
import { ServerCredentials, status } from "@grpc/grpc-js";
import { beforeEach, expect, it, vi } from "vitest";
import type { RouteTarget } from "../../../../platform/routes/routing-table.ts";
import { startFakeEngine } from "../grpc/fake-engine.ts";
import { bert, proxied, serverWith, targetOf } from "../grpc/proxied-engines.ts";
import { startTestProxy, table, target, tritonServer, until } from "../testbed.ts";
import { startTlsEngine, trustedCertificate } from "../tls-engine.ts";

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

/** A gRPC engine that shows the certificate of a name, and a proxy that discovers it by a name. */
async function grpcEngine(shown: string, asked: string) {
  const { certificate, key } = trustedCertificate(shown);
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) };
  const engine = await startFakeEngine(0, "127.0.0.1", ServerCredentials.createSsl(null, [pair]));
  const discovery = { discovery: "dns", endpoints: [`https://${asked}:1`] } as const;
  return { engine, ...(await proxied([serverWith(targetOf([engine], discovery))])) };
}

it("calls an address by gRPC as the host of its URL", async () => {
  const { engine, client } = await grpcEngine(tabular, tabular);
  expect((await client.call("ModelInfer", bert)).code).toBe(status.OK);
  expect(engine.seen).toHaveLength(1);
});

it("calls nothing by gRPC that shows the certificate of another name", async () => {
  const { engine, client } = await grpcEngine(chat, tabular);
  expect((await client.call("ModelInfer", bert)).code).toBe(status.UNAVAILABLE);
  expect(engine.seen).toEqual([]);
});
