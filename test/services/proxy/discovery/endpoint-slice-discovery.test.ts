import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EndpointSliceDiscovery } from "../../../../services/proxy/discovery/endpoint-slice-discovery.ts";
import type { FollowedUrl } from "../../../../services/proxy/discovery/endpoint-source.ts";
import { inClusterAccess } from "../../../../services/proxy/discovery/kubernetes-access.ts";
import { FakeApiServer } from "./fake-api-server.ts";
import { serviceObject, sliceObject } from "./kubernetes-objects.ts";

const url = "http://tabular.inference.svc.cluster.local";
const otherUrl = "http://chat.inference.svc.cluster.local";

let server: FakeApiServer;
let logged: string[];
let source: EndpointSliceDiscovery;

beforeEach(async () => {
  server = await FakeApiServer.start();
  server.services.set("tabular", serviceObject("tabular"));
  server.services.set("chat", serviceObject("chat"));
  logged = [];
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  source = new EndpointSliceDiscovery({ log, access: server.access, firstPauseMs: 20 });
});

afterEach(async () => {
  source.close();
  await server.close();
});

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 10 });

function follow(followedUrl = url): { lists: (readonly string[])[]; followed: FollowedUrl } {
  const lists: (readonly string[])[] = [];
  return { lists, followed: source.follow(followedUrl, (addresses) => lists.push(addresses)) };
}

/** Waits for what is known last. */
const known = (lists: readonly (readonly string[])[], addresses: readonly string[]) =>
  eventually(() => expect(lists.at(-1)).toEqual(addresses));

const watching = (count = 1) => eventually(() => expect(server.openWatches.length).toBe(count));

const sliceRequests = (): readonly string[] =>
  server.requests.filter((path) => path.includes("endpointslices"));

describe("endpoints by watching slices", () => {
  it("are listed first, then follow every change", async () => {
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
    const { lists } = follow();
    await watching();
    server.put(sliceObject("b", "tabular", [["10.0.0.2"]]));
    await known(lists, ["http://10.0.0.1:8000", "http://10.0.0.2:8000"]);
    server.put(sliceObject("a", "tabular", [["10.0.0.1", { ready: false, terminating: true }]]));
    await known(lists, ["http://10.0.0.2:8000"]);
    server.remove("b");
    await known(lists, []);
    expect(lists.length).toBe(4);
    expect(server.watches.length).toBe(1);
  });

  it("hold the name of the Service behind TLS, at the pods' port", async () => {
    server.services.set("tabular", serviceObject("tabular", [{ name: "http", port: 443 }]));
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
    const { lists } = follow("https://tabular.inference.svc/base");
    await known(lists, ["https://10.0.0.1:8000/base#tabular.inference.svc"]);
  });

  it("are none at once for a Service without slices", async () => {
    const { lists } = follow();
    await known(lists, []);
  });

  it("are asked for by namespace and label, from the resource version of the list on", async () => {
    follow();
    await watching();
    const [list = "", watch = ""] = sliceRequests().map((path) =>
      decodeURIComponent(path.replaceAll("+", " ")),
    );
    expect(list).toBe(
      "/apis/discovery.k8s.io/v1/namespaces/inference/endpointslices?labelSelector=kubernetes.io/service-name in (tabular)",
    );
    expect(watch).toContain("watch=true");
    expect(watch).toContain("allowWatchBookmarks=true");
    expect(watch).toContain("resourceVersion=100");
  });

  it("come by one watch for all Services that are asked for together, and stay when one more is", async () => {
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
    server.slices.set("b", sliceObject("b", "chat", [["10.0.0.2"]]));
    server.services.set("more", serviceObject("more"));
    const tabular = follow();
    const chat = follow(otherUrl);
    await known(tabular.lists, ["http://10.0.0.1:8000"]);
    await known(chat.lists, ["http://10.0.0.2:8000"]);
    await watching();
    expect(server.watches.length).toBe(1);
    const more = follow("http://more.inference.svc");
    await known(more.lists, []);
    await watching();
    expect(tabular.lists.length + chat.lists.length).toBe(2);
    server.put(sliceObject("a", "tabular", [["10.0.0.3"]]));
    await known(tabular.lists, ["http://10.0.0.3:8000"]);
  });

  it("are known at once for another port of a Service that is followed", async () => {
    const ports = [
      { name: "http", port: 80 },
      { name: "grpc", port: 81 },
    ];
    server.services.set("tabular", serviceObject("tabular", ports));
    server.slices.set(
      "a",
      sliceObject(
        "a",
        "tabular",
        [["10.0.0.1"]],
        [
          { name: "http", port: 8_000 },
          { name: "grpc", port: 8_001 },
        ],
      ),
    );
    await known(follow().lists, ["http://10.0.0.1:8000"]);
    await known(follow(`${url}:81`).lists, ["http://10.0.0.1:8001"]);
    await watching();
    expect(server.watches.length).toBe(1);
  });

  it("go on from the last resource version after a broken connection, bookmarks included", async () => {
    const { lists, followed } = follow();
    await watching();
    server.put(sliceObject("a", "tabular", [["10.0.0.1"]]));
    server.resourceVersion = 500;
    server.send("BOOKMARK", { metadata: { name: "" } });
    server.put(sliceObject("a", "tabular", [["10.0.0.2"]]));
    await known(lists, ["http://10.0.0.2:8000"]);
    server.cutConnections();
    await eventually(() => expect(server.watches.length).toBe(2));
    expect(server.watches[1]?.resourceVersion).toBe("502");
    await watching();
    server.put(sliceObject("a", "tabular", [["10.0.0.3"]]));
    await known(lists, ["http://10.0.0.3:8000"]);
    expect(sliceRequests().filter((path) => !path.includes("watch=true")).length).toBe(1);
    expect(followed.confirmedAtMs).toBeGreaterThan(performance.now() - 1_000);
  });

  it.each([
    [
      "an event",
      () => {
        const status = { kind: "Status", code: 410, metadata: {} };
        for (const { response } of server.openWatches)
          response.write(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
      },
    ],
    [
      "a status",
      () => {
        let isRefused = false;
        server.refuse = (path) => {
          if (isRefused || !path.includes("watch=true")) return undefined;
          isRefused = true;
          return 410;
        };
        server.cutConnections();
      },
    ],
  ])("are listed anew where the resource version is too old, said by %s", async (_, expire) => {
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
    const { lists } = follow();
    await watching();
    // A change that the watch does not tell.
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.9"]]));
    expire();
    await known(lists, ["http://10.0.0.9:8000"]);
    await watching();
    server.put(sliceObject("a", "tabular", [["10.0.0.8"]]));
    await known(lists, ["http://10.0.0.8:8000"]);
  });

  it("stay while the API server cannot be asked, which is logged once, and grow old", async () => {
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
    const { lists, followed } = follow();
    await watching();
    server.refuse = () => 503;
    server.cutConnections();
    const before = server.requests.length;
    await eventually(() => expect(server.requests.length).toBeGreaterThan(before + 6));
    expect(lists).toEqual([["http://10.0.0.1:8000"]]);
    const lostAtMs = followed.confirmedAtMs ?? 0;
    expect(lostAtMs).toBeLessThan(performance.now());
    expect(followed.confirmedAtMs).toBe(lostAtMs);
    expect(logged.filter((line) => line.includes("cannot watch")).length).toBe(1);
    server.refuse = () => undefined;
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.2"]]));
    await known(lists, ["http://10.0.0.2:8000"]);
  });

  it("are not asked for in a busy loop where the API server ends every watch at once", async () => {
    const { lists } = follow();
    await known(lists, []);
    for (let round = 0; round < 5; round++) {
      await watching();
      for (const { response } of server.openWatches) response.end();
      await watching(0);
    }
    await watching();
    // 20 ms, doubling, of which half is drawn: the fifth pause is at least 160 ms.
    expect(logged.filter((line) => line.includes("cannot watch")).length).toBe(1);
    expect(server.watches.length).toBe(6);
  });

  it("survive events that are no slices and lines that are cut", async () => {
    const { lists } = follow();
    await watching();
    server.send("ADDED", { metadata: { name: "strange" } });
    const text = JSON.stringify({
      type: "ADDED",
      object: {
        ...sliceObject("a", "tabular", [["10.0.0.1"]]),
        metadata: { name: "a", resourceVersion: "7", labels: { "kubernetes.io/service-name": "tabular" } },
      },
    });
    const [watch] = server.openWatches;
    watch?.response.write(text.slice(0, 50));
    await new Promise((resolve) => setTimeout(resolve, 20));
    watch?.response.write(`${text.slice(50)}\n`);
    await known(lists, ["http://10.0.0.1:8000"]);
    expect(server.watches.length).toBe(1);
  });

  it("leave a Service whose slice goes over to another", async () => {
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
    const tabular = follow();
    const chat = follow(otherUrl);
    await watching();
    server.put(sliceObject("a", "chat", [["10.0.0.1"]]));
    await known(chat.lists, ["http://10.0.0.1:8000"]);
    await known(tabular.lists, []);
  });

  it("have the port of a Service that comes after its slices", async () => {
    server.services.delete("tabular");
    const ports = [
      { name: "http", port: 8_000 },
      { name: "grpc", port: 8_001 },
    ];
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]], ports));
    const { lists } = follow();
    await known(lists, []);
    server.services.set("tabular", serviceObject("tabular"));
    await known(lists, ["http://10.0.0.1:8000"]);
  });

  it("stay while a port of the Service is renamed", async () => {
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
    const { lists } = follow();
    await watching();
    server.services.set("tabular", serviceObject("tabular", [{ name: "api", port: 80 }]));
    server.put(sliceObject("a", "tabular", [["10.0.0.2"]], [{ name: "api", port: 9_000 }]));
    await known(lists, ["http://10.0.0.2:9000"]);
    expect(lists).toEqual([["http://10.0.0.1:8000"], ["http://10.0.0.2:9000"]]);
  });

  it("are those of the only port where Services may not be read", async () => {
    server.refuse = (path) => (path.includes("/services/") ? 403 : undefined);
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
    await known(follow().lists, ["http://10.0.0.1:8000"]);
    expect(logged.join("")).toContain("cannot read a Service");
  });

  it("are the URL itself where its host is no Service", async () => {
    const { lists } = follow("http://engines.example.org:8000");
    await known(lists, ["http://engines.example.org:8000"]);
    expect(server.requests).toEqual([]);
  });

  it("are not followed any more when it is closed, and again when they are wanted again", async () => {
    server.slices.set("a", sliceObject("a", "tabular", [["10.0.0.1"]]));
    const first = follow();
    await watching();
    first.followed.close();
    await watching(0);
    const second = follow();
    await known(second.lists, ["http://10.0.0.1:8000"]);
    expect(first.lists.length).toBe(1);
  });

  it("never show the token in the log", async () => {
    server.refuse = () => 401;
    follow();
    await eventually(() => expect(server.requests.length).toBeGreaterThan(3));
    expect(logged.join("")).not.toContain("token-of-the-pod");
  });
});

describe("access in a cluster", () => {
  it("is that of the pod's account, read anew each time", async () => {
    const folder = await mkdtemp(join(tmpdir(), "account-"));
    try {
      const access = inClusterAccess(
        { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT_HTTPS: "6443" },
        folder,
      );
      expect(access.server).toBe("https://[fd00::1]:6443");
      await writeFile(join(folder, "token"), "first\n");
      await writeFile(join(folder, "ca.crt"), "PEM");
      expect(await access.token()).toBe("first");
      await writeFile(join(folder, "token"), "second\n");
      expect(await access.token()).toBe("second");
      expect(await access.certificateAuthority()).toBe("PEM");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("fails outside a pod, and leaves endpoints unknown", async () => {
    const logs: string[] = [];
    const outside = new EndpointSliceDiscovery({
      log: pino({}, { write: (line: string) => void logs.push(line) }),
      access: inClusterAccess({}, "/nowhere"),
      firstPauseMs: 5,
    });
    const lists: unknown[] = [];
    const followed = outside.follow(url, (addresses) => lists.push(addresses));
    await eventually(() => expect(logs.length).toBe(1));
    expect(logs[0]).toContain("ENOENT");
    expect(lists).toEqual([]);
    expect(followed.confirmedAtMs).toBeUndefined();
    outside.close();
  });
});
