import { Resolver } from "node:dns/promises";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, it, onTestFinished, vi } from "vitest";
import { DnsDiscovery } from "../../../../services/proxy/discovery/dns-discovery.ts";
import {
  EndpointDiscovery,
  type DiscoveryKind,
} from "../../../../services/proxy/discovery/endpoint-discovery.ts";
import { EndpointSliceDiscovery } from "../../../../services/proxy/discovery/endpoint-slice-discovery.ts";
import { registerDiscovery } from "../../../../services/proxy/measures/discovery-metrics.ts";
import { replaceFile, startTestProxy, table, target, tritonServer, until } from "../testbed.ts";
import { DnsServer } from "./dns-server.ts";
import { FakeApiServer } from "./fake-api-server.ts";
import { serviceObject, sliceObject } from "./kubernetes-objects.ts";

const log = pino({ level: "silent" });
const url = "http://tabular.inference.svc.cluster.local:80";
const otherUrl = "http://chat.inference.svc.cluster.local:80";

/** Discovery of URLs with the samples that a scrape gives: by the name of their metric, or undefined. */
function measured(
  kind: DiscoveryKind,
  sources: ConstructorParameters<typeof EndpointDiscovery>[0]["sources"],
  nowMs: () => number,
) {
  const discovery = new EndpointDiscovery({ sources, log, changed: () => {}, nowMs });
  onTestFinished(() => discovery.close());
  const registry = new Registry();
  registerDiscovery(registry, () => discovery.states());
  const scrape = async (ofUrl: string) => {
    const text = await registry.metrics();
    const value = (name: string): number | undefined => {
      const series = `${name}{discovery="${kind}",url="${ofUrl}"} `;
      const line = text.split("\n").find((entry) => entry.startsWith(series));
      return line === undefined ? undefined : Number(line.slice(series.length));
    };
    return {
      endpoints: value("inference_discovered_endpoints"),
      ageSeconds: value("inference_discovery_age_seconds"),
      failures: value("inference_discovery_failures_total"),
    };
  };
  const follow = (...endpoints: readonly string[]): void =>
    discovery.retain([{ endpoints, discovery: kind }]);
  return { follow, scrape };
}

it("tells of names at name servers how many addresses they have, how old they are and what failed", async () => {
  const server = await DnsServer.start("SERVFAIL");
  onTestFinished(() => server.close());
  let nowMs = 0;
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([server.address]);
  const dns = (): DnsDiscovery => new DnsDiscovery({ log, resolver, nowMs: () => nowMs });
  const { follow, scrape } = measured("dns", { dns, "endpoint-slices": dns }, () => nowMs);
  follow(url);
  const failed = { endpoints: undefined, ageSeconds: undefined, failures: 1 };
  await vi.waitFor(async () => expect(await scrape(url)).toEqual(failed), { timeout: 10_000 });
  server.answer = { a: ["10.0.0.1", "10.0.0.2"], ttl: 30 };
  // As after a reload of the routing table that names it differently.
  follow(otherUrl);
  const found = { endpoints: 2, ageSeconds: 0, failures: 0 };
  await vi.waitFor(async () => expect(await scrape(otherUrl)).toEqual(found), { timeout: 10_000 });
  nowMs += 12_000;
  expect(await scrape(otherUrl)).toEqual({ ...found, ageSeconds: 12 });
  expect(await scrape(url)).toEqual({ endpoints: undefined, ageSeconds: undefined, failures: undefined });
});

it("tells of Services how many pods are ready, when the API server last spoke and what failed", async () => {
  const server = await FakeApiServer.start();
  onTestFinished(() => server.close());
  server.services.set("tabular", serviceObject("tabular"));
  server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
  let nowMs = 0;
  const slices = (): EndpointSliceDiscovery =>
    new EndpointSliceDiscovery({ log, access: server.access, nowMs: () => nowMs, firstPauseMs: 20 });
  const { follow, scrape } = measured(
    "endpoint-slices",
    { dns: slices, "endpoint-slices": slices },
    () => nowMs,
  );
  follow(url, otherUrl);
  const scraped = (state: Partial<Awaited<ReturnType<typeof scrape>>>) =>
    vi.waitFor(async () => expect(await scrape(url)).toMatchObject(state), { timeout: 10_000 });
  await scraped({ endpoints: 1, ageSeconds: 0, failures: 0 });
  await vi.waitFor(() => expect(server.openWatches.length).toBe(1));
  // Lets what opens the watch come to its end.
  server.put(sliceObject("b", "tabular", [["10.0.0.2"]]));
  await scraped({ endpoints: 2 });
  nowMs += 70_000;
  await scraped({ endpoints: 2, ageSeconds: 70 });
  server.send("BOOKMARK", { metadata: { name: "" } });
  await scraped({ ageSeconds: 0 });
  server.refuse = () => 503;
  server.cutConnections();
  await vi.waitFor(async () => expect((await scrape(url)).failures).toBeGreaterThan(2), { timeout: 10_000 });
  nowMs += 5_000;
  await scraped({ endpoints: 2, ageSeconds: 5 });
  expect(await scrape(otherUrl)).toMatchObject({ endpoints: 0, ageSeconds: 5 });
});

it("are on /metrics, and go with the targets that a reload takes away", async () => {
  const discovered = (endpoint: string) =>
    tritonServer([], {
      models: [
        {
          name: "bert",
          versions: [{ version: "1", weight: 100, targets: [target([endpoint], { discovery: "dns" })] }],
        },
      ],
    });
  const proxy = await startTestProxy(table(discovered("http://127.0.0.1:1")));
  const endpoints = (ofUrl: string) =>
    proxy.metric(`inference_discovered_endpoints{discovery="dns",url="${ofUrl}"}`);
  await until(async () => (await endpoints("http://127.0.0.1:1")) === 1);
  await replaceFile(proxy.routesFile, JSON.stringify(table(discovered("http://127.0.0.1:2"))));
  await until(async () => (await endpoints("http://127.0.0.1:2")) === 1);
  const text = await (await fetch(`${proxy.url}/metrics`)).text();
  expect(text).not.toContain("127.0.0.1:1");
  expect(text.match(/^inference_discover.*$/gm)).toEqual([
    'inference_discovered_endpoints{discovery="dns",url="http://127.0.0.1:2"} 1',
    expect.stringContaining('inference_discovery_age_seconds{discovery="dns",url="http://127.0.0.1:2"} '),
    'inference_discovery_failures_total{discovery="dns",url="http://127.0.0.1:2"} 0',
  ]);
});
