import { describe, expect, it } from "vitest";
import {
  json,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  tritonServer,
  type Answer,
  type Engine,
  type TestProxy,
} from "./testbed.ts";

/** A Domino that knows the key and the token "good". */
const domino: Answer = ({ headers }, response) => {
  const known = headers["x-domino-api-key"] === "good" || headers.authorization === "Bearer good";
  json(response, 200, { isAnonymous: !known, isAdmin: false, canonicalName: known ? "jane" : undefined });
};

async function startProtected(
  answer: Answer = domino,
): Promise<{ proxy: TestProxy; host: Engine; engine: Engine }> {
  const [host, engine] = await Promise.all([startEngine(answer), startNamedEngine("one")]);
  const proxy = await startTestProxy(table(tritonServer([engine.url])), {
    auth: { kind: "credentials", domino: { hostUrl: host.url } },
  });
  return { proxy, host, engine };
}

describe("authentication by Domino", () => {
  it.each([
    ["a known API key", { "x-domino-api-key": "good" }, 200],
    ["a known bearer token", { authorization: "Bearer good" }, 200],
    ["a known bearer token, scheme in lower case", { authorization: "bearer good" }, 200],
    ["nothing", {}, 401],
    ["an unknown key, which Domino calls anonymous", { "x-domino-api-key": "bad" }, 401],
    ["an unknown token", { authorization: "Bearer bad" }, 401],
    [
      "an unknown key next to a known token",
      { "x-domino-api-key": "bad", authorization: "Bearer good" },
      401,
    ],
    ["a key with a comma", { "x-domino-api-key": "good, bad" }, 401],
    ["basic authentication", { authorization: "Basic good" }, 401],
    ["a bearer scheme without a token", { authorization: "Bearer" }, 401],
    ["two words after the scheme", { authorization: "Bearer good good" }, 401],
    ["a key that is too long", { "x-domino-api-key": "a".repeat(13_000) }, 401],
    ["the key in a cookie", { cookie: "x-domino-api-key=good" }, 401],
  ])("answers a request with %s", async (_what, headers, status) => {
    const { proxy, engine } = await startProtected();
    const response = await proxy.predict({}, headers);
    expect(response.status).toBe(status);
    expect(engine.received).toHaveLength(status === 200 ? 1 : 0);
    if (status === 401) expect(response.headers.get("www-authenticate")).toBe(`Bearer realm="domino"`);
  });

  it.each([
    ["GET", "/v1/models"],
    ["POST", "/v1/chat/completions"],
    ["POST", "/v1/completions"],
    ["POST", "/v2/repository/index"],
    ["GET", "/v2/models/bert"],
    ["GET", "/v2/models/bert/ready"],
    ["POST", "/v2/models/bert/versions/1/infer"],
  ])("guards %s %s", async (method, path) => {
    const { proxy, engine } = await startProtected();
    const response = await fetch(proxy.url + path, { method });
    expect(response.status).toBe(401);
    expect(engine.received).toHaveLength(0);
  });

  it.each(["/healthz", "/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/metrics"])(
    "leaves %s open",
    async (path) => {
      const { proxy, host } = await startProtected();
      expect((await fetch(proxy.url + path)).status).toBe(200);
      expect(host.received).toHaveLength(0);
    },
  );

  it.each([
    ["is down", (_received: unknown, response: { destroy(): void }) => response.destroy()],
    ["fails", (_received: unknown, response) => json(response, 500, { isAnonymous: false })],
    [
      "redirects to a login page",
      (_received: unknown, response) => response.writeHead(302, { location: "/login" }).end(),
    ],
    ["answers with a page", (_received: unknown, response) => response.end("<html>")],
    ["does not say who it is", (_received: unknown, response) => json(response, 200, { isAdmin: true })],
    [
      "says it in another type",
      (_received: unknown, response) => json(response, 200, { isAnonymous: "false" }),
    ],
    ["answers null", (_received: unknown, response) => json(response, 200, "null")],
  ] satisfies [string, Answer][])("answers 503, never yes, when Domino %s", async (_what, answer) => {
    const { proxy, engine } = await startProtected(answer);
    const response = await proxy.predict({}, { "x-domino-api-key": "good" });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ error: { code: "AUTH_UNAVAILABLE" } });
    expect(engine.received).toHaveLength(0);
  });

  it("takes 401 and 403 from Domino as a refusal", async () => {
    for (const status of [401, 403]) {
      const { proxy } = await startProtected((_received, response) =>
        json(response, status, { isAnonymous: false }),
      );
      expect((await proxy.predict({}, { authorization: "Bearer x" })).status).toBe(401);
    }
  });

  it("asks once for requests that come together, and not again while the answer is fresh", async () => {
    const asked = Promise.withResolvers<() => void>();
    const { proxy, host } = await startProtected((received, response, message) =>
      asked.resolve(() => domino(received, response, message)),
    );
    const together = Array.from({ length: 10 }, () => proxy.predict({}, { "x-domino-api-key": "good" }));
    (await asked.promise)();
    for (const response of await Promise.all(together)) expect(response.status).toBe(200);
    expect((await proxy.predict({}, { "x-domino-api-key": "good" })).status).toBe(200);
    expect(host.received).toHaveLength(1);
    expect(host.received[0]).toMatchObject({ method: "GET", url: "/v4/auth/principal" });
  });

  it("does not remember that Domino could not be asked", async () => {
    let up = false;
    const { proxy } = await startProtected((received, response, message) =>
      up ? domino(received, response, message) : response.destroy(),
    );
    expect((await proxy.predict({}, { "x-domino-api-key": "good" })).status).toBe(503);
    up = true;
    expect((await proxy.predict({}, { "x-domino-api-key": "good" })).status).toBe(200);
  });

  it("keeps a key and a token of the same text apart", async () => {
    const { proxy } = await startProtected(({ headers }, response) =>
      json(response, 200, { isAnonymous: headers["x-domino-api-key"] === undefined }),
    );
    expect((await proxy.predict({}, { "x-domino-api-key": "Bearer x" })).status).toBe(200);
    expect((await proxy.predict({}, { authorization: "Bearer x" })).status).toBe(401);
  });

  it("never logs a credential", async () => {
    const { proxy } = await startProtected((_received, response) => response.destroy());
    await proxy.predict({}, { "x-domino-api-key": "very-secret" });
    await proxy.predict({}, { authorization: "Bearer very-secret" });
    expect(proxy.logged.length).toBeGreaterThan(0);
    expect(JSON.stringify(proxy.logged)).not.toContain("very-secret");
  });

  it("refuses before the body has come", async () => {
    const { proxy } = await startProtected();
    const endless = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from("{")),
    });
    const response = await fetch(`${proxy.url}/predict`, {
      method: "POST",
      body: endless,
      duplex: "half",
    } as RequestInit);
    expect(response.status).toBe(401);
    await response.text();
  });
});
