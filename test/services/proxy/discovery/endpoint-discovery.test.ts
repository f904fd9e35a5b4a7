import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { EndpointDiscovery } from "../../../../services/proxy/discovery/endpoint-discovery.ts";
import type { EndpointSource } from "../../../../services/proxy/discovery/endpoint-source.ts";

/** A source whose answers a test gives. */
function fakeSource() {
  const followed = new Map<string, (addresses: readonly string[]) => void>();
  const events: string[] = [];
  const source: EndpointSource = {
    follow: (url, changed) => {
      events.push(`follow ${url}`);
      followed.set(url, changed);
      return {
        confirmedAtMs: 1_000,
        failedLooks: 2,
        close: () => {
          events.push(`close ${url}`);
          followed.delete(url);
        },
      };
    },
    close: () => events.push("close"),
  };
  return { source, events, followed };
}

function start() {
  const dns = fakeSource();
  const slices = fakeSource();
  const made: string[] = [];
  const changes: unknown[] = [];
  const logged: string[] = [];
  const discovery = new EndpointDiscovery({
    sources: {
      dns: () => (made.push("dns"), dns.source),
      "endpoint-slices": () => (made.push("endpoint-slices"), slices.source),
    },
    log: pino({}, { write: (line: string) => void logged.push(line) }),
    changed: (...change) => changes.push(change),
    nowMs: () => 4_000,
  });
  return { discovery, dns, slices, made, changes, logged };
}

describe("discovery of endpoints", () => {
  it("opens nothing for static endpoints", () => {
    const { discovery, made } = start();
    discovery.retain([{ endpoints: ["http://a"] }]);
    expect(made).toEqual([]);
    expect(discovery.isComplete).toBe(true);
    expect(discovery.states()).toEqual([]);
  });

  it("follows each URL once, with the source that its targets name", () => {
    const { discovery, dns, slices, made } = start();
    discovery.retain([
      { endpoints: ["http://a", "http://b"], discovery: "dns" },
      { endpoints: ["http://a"], discovery: "dns" },
      { endpoints: ["http://a"], discovery: "endpoint-slices" },
    ]);
    expect(dns.events).toEqual(["follow http://a", "follow http://b"]);
    expect(slices.events).toEqual(["follow http://a"]);
    expect(made).toEqual(["dns", "endpoint-slices"]);
  });

  it("tells lists when they come, and keeps those of a table that is loaded again", () => {
    const { discovery, dns, changes } = start();
    const targets = [{ endpoints: ["http://a", "http://b"], discovery: "dns" as const }];
    discovery.retain(targets);
    expect(discovery.addressesOf("dns", "http://a")).toBeUndefined();
    dns.followed.get("http://a")?.(["http://10.0.0.1"]);
    expect(changes).toEqual([["dns", "http://a", ["http://10.0.0.1"]]]);
    expect(discovery.isComplete).toBe(false);
    dns.followed.get("http://b")?.([]);
    expect(discovery.isComplete).toBe(true);
    discovery.retain(targets);
    expect(discovery.addressesOf("dns", "http://a")).toEqual(["http://10.0.0.1"]);
    expect(discovery.states()).toEqual([
      { kind: "dns", url: "http://a", addressCount: 1, ageSeconds: 3, failedLooks: 2 },
      { kind: "dns", url: "http://b", addressCount: 0, ageSeconds: 3, failedLooks: 2 },
    ]);
  });

  it("follows what is new before it leaves what is old", () => {
    const { discovery, dns } = start();
    discovery.retain([{ endpoints: ["http://a"], discovery: "dns" }]);
    discovery.retain([{ endpoints: ["http://b"], discovery: "dns" }]);
    expect(dns.events).toEqual(["follow http://a", "follow http://b", "close http://a"]);
    expect(discovery.addressesOf("dns", "http://a")).toBeUndefined();
  });

  it("uses a thousand addresses of a URL at most, and says so", () => {
    const { discovery, dns, logged } = start();
    discovery.retain([{ endpoints: ["http://a"], discovery: "dns" }]);
    dns.followed.get("http://a")?.(Array.from({ length: 1_001 }, (_, at) => `http://${at}`));
    expect(discovery.addressesOf("dns", "http://a")?.length).toBe(1_000);
    expect(logged.join("")).toContain("more addresses than the proxy uses");
  });

  it("closes what it has opened", () => {
    const { discovery, dns, slices } = start();
    discovery.retain([{ endpoints: ["http://a"], discovery: "dns" }]);
    discovery.close();
    expect(dns.events).toEqual(["follow http://a", "close http://a", "close"]);
    expect(slices.events).toEqual([]);
  });
});
