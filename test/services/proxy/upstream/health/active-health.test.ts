import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  ActiveHealth,
  type ActiveHealthOptions,
} from "../../../../../services/proxy/upstream/health/active-health.ts";
import { startTlsEngine } from "../../tls-engine.ts";
import { captureLog, deadUrl, startEngine, until, type Engine } from "../../testbed.ts";

function startHealth(options: Partial<ActiveHealthOptions> = {}) {
  const { log, logged } = captureLog();
  const health = ActiveHealth.start({ intervalMs: 5, log, ...options });
  onTestFinished(() => health.close());
  return { health, logged };
}

/** An engine that answers with the status that its holder says, 0 for never. */
async function startHolder(status = 200): Promise<Engine & { status: number }> {
  const holder = {
    ...(await startEngine((_received, response) => {
      if (holder.status > 0) response.writeHead(holder.status).end("x".repeat(10_000));
    })),
    status,
  };
  return holder;
}

async function asked(engine: Engine, times: number): Promise<void> {
  const target = engine.received.length + times;
  await until(() => engine.received.length >= target);
}

describe("the health of endpoints", () => {
  it("is asked for at the path below the base URL, again and again", async () => {
    const engine = await startHolder();
    const { health } = startHealth();
    health.retain(new Map([[`${engine.url}/base`, "/v2/health/ready"]]));
    await asked(engine, 3);
    expect(health.healthy(`${engine.url}/base`)).toBe(true);
    const questions = engine.received.map(({ method, url }) => `${method} ${url}`);
    expect(new Set(questions)).toEqual(new Set(["GET /base/v2/health/ready"]));
  });

  it.each(["TLSv1.2", undefined] as const)(
    "is bad, and asked of nobody, where the certificate is of another name (%s)",
    async (maxVersion) => {
      const engine = await startTlsEngine(["chat.inference.svc"], maxVersion);
      const { health, logged } = startHealth();
      const asTabular = `https://127.0.0.1:${engine.port}#tabular.inference.svc`;
      const asChat = `https://127.0.0.1:${engine.port}#chat.inference.svc:8443`;
      health.retain(
        new Map([
          [asTabular, "/health"],
          [asChat, "/health"],
        ]),
      );
      await until(() => !health.healthy(asTabular) && engine.received.length > 20);
      expect(health.healthy(asTabular)).toBe(false);
      expect(health.healthy(asChat)).toBe(true);
      expect(logged.map(({ endpoint, reason }) => [endpoint, reason])).toEqual([
        [asTabular, "ERR_TLS_CERT_ALTNAME_INVALID"],
      ]);
      expect(new Set(engine.received.map(({ host }) => host))).toEqual(new Set(["chat.inference.svc:8443"]));
    },
  );

  it("is good where nobody asks", () => {
    expect(startHealth().health.healthy("http://127.0.0.1:1")).toBe(true);
  });

  it.each([302, 404, 500, 503])(
    "is bad after two answers of %d, and good again after one of 200",
    async (status) => {
      const engine = await startHolder();
      const { health, logged } = startHealth();
      health.retain(new Map([[engine.url, "/health"]]));
      await asked(engine, 2);
      engine.status = status;
      await until(() => !health.healthy(engine.url));
      engine.status = 204;
      await until(() => health.healthy(engine.url));
      expect(logged.map(({ level, msg, reason }) => [level, msg, reason])).toEqual([
        [40, "endpoint is unhealthy", `status ${status}`],
        [30, "endpoint is healthy again", undefined],
      ]);
    },
  );

  it("stays good when one answer in two is bad", async () => {
    const engine = await startEngine((_received, response) => {
      response.writeHead(engine.received.length % 2 === 0 ? 503 : 200).end();
    });
    const { health, logged } = startHealth();
    health.retain(new Map([[engine.url, "/health"]]));
    await asked(engine, 8);
    expect(health.healthy(engine.url)).toBe(true);
    expect(logged).toEqual([]);
  });

  it("is bad where nobody listens", async () => {
    const url = await deadUrl();
    const { health, logged } = startHealth();
    health.retain(new Map([[url, "/health"]]));
    await until(() => !health.healthy(url));
    expect(logged).toMatchObject([{ endpoint: url, reason: "ECONNREFUSED" }]);
  });

  it("is bad where no answer comes in time, and no question overlaps another", async () => {
    const engine = await startHolder(0);
    let open = 0;
    let most = 0;
    const counted = await startEngine((_received, response) => {
      most = Math.max(most, ++open);
      response.on("close", () => open--);
    });
    const { health, logged } = startHealth({ intervalMs: 1, timeoutMs: 50 });
    health.retain(new Map([engine, counted].map(({ url }) => [url, "/health"])));
    await until(() => !health.healthy(engine.url) && !health.healthy(counted.url));
    expect(most).toBe(1);
    expect(logged.map(({ reason }) => reason)).toEqual(["timeout", "timeout"]);
  });

  it("is bad where an answer begins and does not end, and where it is not HTTP", async () => {
    const endless = await startEngine((_received, response) => void response.writeHead(200).write("x"));
    const babbler = createServer((socket) => void socket.on("error", () => {}).end("220 smtp ready\r\n"));
    await new Promise<void>((resolve) => babbler.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void babbler.close());
    const babble = `http://127.0.0.1:${(babbler.address() as AddressInfo).port}`;
    const { health } = startHealth({ timeoutMs: 50 });
    health.retain(new Map([endless.url, babble].map((url) => [url, "/health"])));
    await until(() => !health.healthy(endless.url) && !health.healthy(babble));
  });

  it("reads no more of a long answer than a little", async () => {
    let closed = 0;
    const engine = await startEngine((_received, response) => {
      response.on("close", () => closed++);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on("drain", more);
      more();
    });
    const { health } = startHealth({ timeoutMs: 60_000 });
    health.retain(new Map([[engine.url, "/health"]]));
    await until(() => closed === 3);
    expect(health.healthy(engine.url)).toBe(true);
  });

  it("is forgotten and asked for no more when the endpoint goes", async () => {
    const engine = await startHolder(503);
    const stays = await startHolder();
    const { health } = startHealth();
    health.retain(new Map([engine, stays].map(({ url }) => [url, "/health"])));
    await until(() => !health.healthy(engine.url));
    health.retain(new Map([[stays.url, "/health"]]));
    expect(health.healthy(engine.url)).toBe(true);
    // A question may just have been on its way.
    await asked(stays, 3);
    const before = engine.received.length;
    await asked(stays, 10);
    expect(engine.received).toHaveLength(before);
  });

  it("is not waited for when the endpoint goes", async () => {
    let brokenOff = false;
    const engine = await startEngine((_received, response) => response.on("close", () => (brokenOff = true)));
    const stays = await startHolder();
    const { health } = startHealth({ timeoutMs: 60_000 });
    health.retain(new Map([engine, stays].map(({ url }) => [url, "/health"])));
    await asked(engine, 1);
    health.retain(new Map([[stays.url, "/health"]]));
    await until(() => brokenOff);
    await asked(stays, 10);
    expect(engine.received).toHaveLength(1);
  });

  it("is kept when the path changes, and then asked for there", async () => {
    const engine = await startHolder(503);
    const { health } = startHealth();
    health.retain(new Map([[engine.url, "/old"]]));
    await until(() => !health.healthy(engine.url));
    health.retain(new Map([[engine.url, "/new"]]));
    expect(health.healthy(engine.url)).toBe(false);
    await until(() => engine.received.at(-1)?.url === "/new");
  });

  it("is asked of 32 endpoints at once, those of one address too, and of the others when these have answered", async () => {
    let open = 0;
    let most = 0;
    let held: (() => void)[] = [];
    let holds = true;
    const engine = await startEngine((_received, response) => {
      most = Math.max(most, ++open);
      const answer = (): void => {
        open--;
        response.writeHead(200).end();
      };
      if (holds) held.push(answer);
      else answer();
    });
    const { health } = startHealth({ timeoutMs: 60_000 });
    // One server, forty base URLs.
    const urls = Array.from({ length: 40 }, (_, index) => `${engine.url}/${index}`);
    health.retain(new Map(urls.map((url) => [url, "/health"])));
    await until(() => held.length === 32);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(most).toBe(32);
    holds = false;
    for (const answer of held) answer();
    held = [];
    await until(() => new Set(engine.received.map(({ url }) => url)).size === 40);
    expect(most).toBe(32);
  });

  it("is asked for no more once it is closed, whatever was on its way", async () => {
    const engine = await startHolder(0);
    const { health, logged } = startHealth({ timeoutMs: 60_000 });
    health.retain(new Map([[engine.url, "/health"]]));
    await asked(engine, 1);
    await health.close();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(engine.received).toHaveLength(1);
    expect(logged).toEqual([]);
  });
});
