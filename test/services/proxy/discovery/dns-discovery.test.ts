import { Resolver } from "node:dns/promises";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DnsDiscovery, type AddressResolver } from "../../../../services/proxy/discovery/dns-discovery.ts";
import { DnsServer } from "./dns-server.ts";

const log = pino({ level: "silent" });
const url = "http://tabular.inference.svc.cluster.local:8000";

interface Answers {
  v4: readonly string[] | string;
  v6: readonly string[] | string;
  ttl: number;
}

/** A resolver whose answers a test sets: addresses, or the code of an error. */
function fakeResolver(answers: Answers): AddressResolver & { readonly asked: string[] } {
  const asked: string[] = [];
  const answer = async (family: "v4" | "v6", host: string) => {
    asked.push(`${host} ${family}`);
    const found = answers[family];
    if (typeof found === "string") throw Object.assign(new Error(found), { code: found });
    return found.map((address) => ({ address, ttl: answers.ttl }));
  };
  return {
    asked,
    resolve4: (host) => answer("v4", host),
    resolve6: (host) => answer("v6", host),
    cancel: () => {},
  };
}

describe("addresses by the DNS", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function follow(answers: Answers, followedUrl = url) {
    const resolver = fakeResolver(answers);
    const lists: (readonly string[])[] = [];
    const source = new DnsDiscovery({ log, resolver, nowMs: () => Date.now() });
    const followed = source.follow(followedUrl, (addresses) => lists.push(addresses));
    return { resolver, lists, followed, source };
  }
  const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1_000);

  it("are base URLs with the port and path of the name, sorted and each once", async () => {
    const { lists } = follow(
      { v4: ["10.0.0.9", "10.0.0.1", "10.0.0.9"], v6: [], ttl: 5 },
      "https://a.b.svc:8443/base",
    );
    await seconds(0);
    expect(lists).toEqual([
      ["https://10.0.0.1:8443/base#a.b.svc:8443", "https://10.0.0.9:8443/base#a.b.svc:8443"],
    ]);
  });

  it("hold the name behind TLS alone, and where it is one", async () => {
    const answers: Answers = { v4: ["10.0.0.1"], v6: [], ttl: 5 };
    const urls = ["https://a.b.svc", "http://a.b.svc", "https://10.0.0.7:8443", "https://[fd00::7]"];
    const all = urls.map((one) => follow(answers, one));
    await seconds(0);
    expect(all.map(({ lists }) => lists[0])).toEqual([
      ["https://10.0.0.1#a.b.svc"],
      ["http://10.0.0.1"],
      ["https://10.0.0.7:8443"],
      ["https://[fd00::7]"],
    ]);
  });

  it("leave out a port that the name does not have", async () => {
    const { lists } = follow({ v4: ["10.0.0.1"], v6: [], ttl: 5 }, "http://a.b.svc");
    await seconds(0);
    expect(lists).toEqual([["http://10.0.0.1"]]);
  });

  it("are told when they change, not when their order does", async () => {
    const answers: Answers = { v4: ["10.0.0.1", "10.0.0.2"], v6: [], ttl: 5 };
    const { lists } = follow(answers);
    await seconds(0);
    answers.v4 = ["10.0.0.2", "10.0.0.1"];
    await seconds(5);
    expect(lists.length).toBe(1);
    answers.v4 = ["10.0.0.2", "10.0.0.3"];
    await seconds(5);
    expect(lists.slice(1)).toEqual([["http://10.0.0.2:8000", "http://10.0.0.3:8000"]]);
  });

  it.each([
    { ttl: 0, everySeconds: 1 },
    { ttl: 7, everySeconds: 7 },
    { ttl: 3_600, everySeconds: 30 },
  ])("are asked for every $everySeconds s where their TTL is $ttl s", async ({ ttl, everySeconds }) => {
    const { resolver } = follow({ v4: ["10.0.0.1"], v6: [], ttl });
    await seconds(0);
    await seconds(everySeconds - 0.1);
    expect(resolver.asked.length).toBe(1);
    await seconds(0.2);
    expect(resolver.asked.length).toBe(2);
  });

  it("are IPv6 only where there is no IPv4", async () => {
    const answers: Answers = { v4: ["10.0.0.1"], v6: ["fd00::1"], ttl: 5 };
    const both = follow(answers);
    const only = follow({ ...answers, v4: "ENODATA" });
    await seconds(0);
    expect(both.lists).toEqual([["http://10.0.0.1:8000"]]);
    expect(only.lists).toEqual([["http://[fd00::1]:8000"]]);
  });

  it("stay while the name servers fail, and grow old", async () => {
    const answers: Answers = { v4: ["10.0.0.1"], v6: [], ttl: 5 };
    const { lists, followed } = follow(answers);
    await seconds(0);
    answers.v4 = "ESERVFAIL";
    await seconds(600);
    expect(lists.length).toBe(1);
    expect(Date.now() - (followed.confirmedAtMs ?? 0)).toBe(600_000);
    answers.v4 = ["10.0.0.2"];
    await seconds(5);
    expect(lists[1]).toEqual(["http://10.0.0.2:8000"]);
    expect(Date.now() - (followed.confirmedAtMs ?? 0)).toBeLessThan(5_000);
  });

  it("stay where IPv4 is empty but IPv6 cannot be asked", async () => {
    const answers: Answers = { v4: ["10.0.0.1"], v6: "ETIMEOUT", ttl: 5 };
    const { lists } = follow(answers);
    await seconds(0);
    answers.v4 = "ENOTFOUND";
    await seconds(600);
    expect(lists.length).toBe(1);
  });

  it("are gone after three empty answers in a row", async () => {
    const answers: Answers = { v4: ["10.0.0.1"], v6: "ENOTFOUND", ttl: 5 };
    const { lists } = follow(answers);
    await seconds(0);
    answers.v4 = "ENOTFOUND";
    await seconds(6.9);
    expect(lists.length).toBe(1);
    await seconds(0.2);
    expect(lists[1]).toEqual([]);
    answers.v4 = ["10.0.0.3"];
    await seconds(5);
    expect(lists[2]).toEqual(["http://10.0.0.3:8000"]);
  });

  it("survive two empty answers, however often they come", async () => {
    const answers: Answers = { v4: ["10.0.0.1"], v6: "ENOTFOUND", ttl: 1 };
    const { lists } = follow(answers);
    await seconds(0.5);
    for (let round = 0; round < 5; round++) {
      answers.v4 = "ENOTFOUND";
      await seconds(2);
      answers.v4 = ["10.0.0.1"];
      await seconds(1);
    }
    expect(lists.length).toBe(1);
  });

  it("are none at once for a name that never had any, and unknown before the first answer", async () => {
    const none = follow({ v4: "ENOTFOUND", v6: "ENOTFOUND", ttl: 0 });
    const failing = follow({ v4: "ETIMEOUT", v6: [], ttl: 0 });
    await seconds(60);
    expect(none.lists).toEqual([[]]);
    expect(failing.lists).toEqual([]);
    expect(failing.followed.confirmedAtMs).toBeUndefined();
  });

  it("are not asked for where the host is an address", async () => {
    const { resolver, lists } = follow({ v4: [], v6: [], ttl: 0 }, "http://[fd00::7]:8000");
    await seconds(60);
    expect(resolver.asked).toEqual([]);
    expect(lists).toEqual([["http://[fd00::7]:8000"]]);
  });

  it("are not asked for any more when it is closed", async () => {
    const { resolver, followed, lists } = follow({ v4: ["10.0.0.1"], v6: [], ttl: 1 });
    followed.close();
    await seconds(60);
    expect(resolver.asked.length).toBe(1);
    expect(lists).toEqual([]);
  });
});

describe("addresses by a real name server", () => {
  it("come with their TTL, and follow the server's answers", async () => {
    const server = await DnsServer.start({ a: ["10.1.0.2", "10.1.0.1"], ttl: 1 });
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([server.address]);
    const source = new DnsDiscovery({ log, resolver });
    const lists: (readonly string[])[] = [];
    const followed = source.follow(url, (addresses) => lists.push(addresses));
    const told = (count: number) =>
      vi.waitFor(() => expect(lists.length).toBe(count), { timeout: 20_000, interval: 20 });
    try {
      await told(1);
      expect(server.questions).toEqual(["tabular.inference.svc.cluster.local A"]);
      server.answer = { a: ["10.1.0.3"], ttl: 1 };
      await told(2);
      server.answer = "SERVFAIL";
      const before = server.questions.length;
      await vi.waitFor(() => expect(server.questions.length).toBeGreaterThan(before), { timeout: 10_000 });
      server.answer = { aaaa: ["fd00:0:0:0:0:0:0:5"], ttl: 1 };
      await told(3);
      server.answer = "NXDOMAIN";
      await told(4);
      expect(lists).toEqual([
        ["http://10.1.0.1:8000", "http://10.1.0.2:8000"],
        ["http://10.1.0.3:8000"],
        ["http://[fd00::5]:8000"],
        [],
      ]);
    } finally {
      followed.close();
      source.close();
      await server.close();
    }
  });
});
