import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  audience,
  byKey,
  bySecret,
  claims,
  compact,
  issuer,
  keySet,
  nowSeconds,
  rsaKey,
  token,
} from "./auth/tokens.ts";
import { envelope, raw, statusesFor, type RawRequest } from "./raw-request.ts";
import {
  json,
  startEngine,
  startNamedEngine,
  startTestProxy,
  table,
  tritonServer,
  vllmServer,
  type Answer,
  type Engine,
  type TestProxy,
} from "./testbed.ts";

const serviceToken = "a-token-of-a-batch-job-0123456789";
const key = rsaKey("first");
const attacker = rsaKey("first");

const domino: Answer = ({ headers }, response) => {
  const known = headers["x-domino-api-key"] === "good" || headers.authorization === "Bearer good";
  json(response, 200, { isAnonymous: !known, isAdmin: false });
};

interface Guarded {
  readonly proxy: TestProxy;
  readonly engine: Engine;
  /** Keys that a token could name: nobody may ever ask for them. */
  readonly elsewhere: Engine;
}

/** A proxy that takes every kind of credential but certificates, in front of an engine that answers everything. */
async function guarded(answer: Answer = domino): Promise<Guarded> {
  const folder = await mkdtemp(join(tmpdir(), "proxy-bypass-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "tokens.json");
  await writeFile(file, JSON.stringify([{ name: "batch", token: serviceToken }]));
  const [engine, host, keys, elsewhere] = await Promise.all([
    startNamedEngine("one"),
    startEngine(answer),
    startEngine((_received, response) => json(response, 200, keySet(key))),
    startEngine((_received, response) => json(response, 200, keySet(attacker))),
  ]);
  const proxy = await startTestProxy(table(tritonServer([engine.url]), vllmServer([engine.url])), {
    auth: {
      kind: "credentials",
      domino: { hostUrl: host.url },
      jwt: { jwksUrl: keys.url, issuer, audience },
      token: { file },
    },
  });
  return { proxy, engine, elsewhere };
}

/** No answer but refusals of the proxy's own, and no word to an engine. */
async function expectRefused({ proxy, engine, elsewhere }: Guarded, request: string): Promise<void> {
  const statuses = await statusesFor(proxy.port, request);
  expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([]);
  expect(engine.received).toEqual([]);
  expect(elsewhere.received).toEqual([]);
}

const targets = [
  ...[
    "/predict",
    "//predict",
    "/predict/",
    "/predict//",
    "/%70redict",
    "/%2fpredict",
    "/predict%2f",
    "/predict%00",
  ],
  ...["/predict?x", "/predict?auth=none", "/predict?x-domino-api-key=good", "/predict?access_token=good"],
  ...[
    "/predict#/healthz",
    "/predict;/healthz",
    "/PREDICT",
    "/Predict",
    "/predict.",
    "/predict%20",
    "/./predict",
  ],
  ...["/healthz/../predict", "/healthz/..%2fpredict", "/healthz%2f..%2fpredict", "/healthz/predict"],
  ...[
    "/healthz;/predict",
    "/healthz/",
    "/healthz.",
    "/HEALTHZ",
    "/%68ealthz",
    "/metrics/../predict",
    "/metrics/",
  ],
  ...["/livez/../predict", "/readyz/predict", "\\predict", "/predict\\", "/\\predict", "predict", "*", ""],
  ...[
    "http://proxy/predict",
    "http://proxy/healthz",
    "http://127.0.0.1/healthz/../predict",
    "https://proxy/predict",
  ],
  ...[
    "/v2/models/bert/infer",
    "/v2/models/bert/versions/1/infer",
    "/v2/models/%62ert/infer",
    "/v2/models/bert",
  ],
  ...["/v2/models/bert/ready", "/v2/models/bert/infer/", "/v2//models/bert/infer", "/V2/models/bert/infer"],
  ...["/v2/health/ready/../../models/bert/infer", "/v2/health/live/models/bert/infer"],
  ...["/v2/models/..%2f..%2fhealthz/infer", "/v2/repository/index", "/v2/repository/models/bert/load"],
  ...["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/models"],
  ...["/v1/models/bert:predict", "/models/bert/1/model", "/models/bert/latest/model"],
];

const headerTricks: readonly [string, readonly string[]][] = [
  ["a path in X-Original-URL", ["X-Original-URL: /healthz"]],
  ["a path in X-Rewrite-URL", ["X-Rewrite-URL: /healthz"]],
  ["a method in X-HTTP-Method-Override", ["X-HTTP-Method-Override: GET"]],
  ["a method in X-Method-Override", ["X-Method-Override: OPTIONS"]],
  ["an address in X-Forwarded-For", ["X-Forwarded-For: 127.0.0.1"]],
  ["a user in X-Forwarded-User", ["X-Forwarded-User: admin", "X-Remote-User: admin"]],
  ["a certificate in X-Forwarded-Client-Cert", ["X-Forwarded-Client-Cert: URI=spiffe://example/admin"]],
  ["an address in Forwarded", ["Forwarded: for=127.0.0.1;host=localhost"]],
  ["a host that is the machine's own", ["Host: localhost"]],
  ["two hosts", ["Host: proxy", "Host: localhost"]],
  ["a key in a cookie", ["Cookie: x-domino-api-key=good; authorization=Bearer good"]],
  ["a token for a proxy", ["Proxy-Authorization: Bearer good"]],
  ["a key with underscores in its name", ["X_Domino_Api_Key: good"]],
  ["a name with a space before its colon", ["X-Domino-Api-Key : good"]],
  ["a name that is folded", ["X-Other: a", " X-Domino-Api-Key: good"]],
  ["a value that is folded", ["X-Domino-Api-Key:", "\tgood", " good"]],
  ["an empty key", ["X-Domino-Api-Key: "]],
  ["an empty key next to a good token", ["X-Domino-Api-Key: ", "Authorization: Bearer good"]],
  ["a bad key next to a good token", ["X-Domino-Api-Key: bad", "Authorization: Bearer good"]],
  ["a bad key next to a good service token", ["X-Domino-Api-Key: bad", `X-Api-Key: ${serviceToken}`]],
  ["a bad service token next to a good token", ["X-Api-Key: bad", "Authorization: Bearer good"]],
  ["a good key twice", ["X-Domino-Api-Key: good", "X-Domino-Api-Key: good"]],
  ["a good and a bad key", ["X-Domino-Api-Key: good", "x-domino-api-key: bad"]],
  ["a good and a bad token", ["Authorization: Bearer good", "Authorization: Bearer bad"]],
  ["a bad and a good token", ["Authorization: Bearer bad", "authorization: Bearer good"]],
  ["two keys in one value", ["X-Domino-Api-Key: good, good"]],
  ["two tokens in one value", ["Authorization: Bearer good, Bearer good"]],
  ["a scheme alone", ["Authorization: Bearer"]],
  ["a scheme and spaces", ["Authorization: Bearer    "]],
  ["a token without a scheme", ["Authorization: good"]],
  ["a token that touches its scheme", ["Authorization: Bearergood"]],
  ["a tab after the scheme", ["Authorization: Bearer\tgood"]],
  ["another scheme", ["Authorization: Basic Z29vZDpnb29k"]],
  ["a scheme twice", ["Authorization: Bearer Bearer good"]],
  ["a token in quotes", [`Authorization: Bearer "good"`]],
  ["a word after the token", ["Authorization: Bearer good good"]],
  ["a token in another case", ["Authorization: Bearer GOOD"]],
  ["a token outside ASCII", ["Authorization: Bearer g\u00f6\u00f6d"]],
  ["a key outside ASCII", ["X-Domino-Api-Key: good\u00a0"]],
  ["a key that is too long", [`X-Domino-Api-Key: ${"a".repeat(13_000)}`]],
  ["headers that are too long", [`X-Domino-Api-Key: ${"a".repeat(20_000)}`]],
  ["a key with a zero byte", ["X-Domino-Api-Key: good\0"]],
  ["a service token's name", ["X-Api-Key: batch"]],
  ["a service token as a Domino key", [`X-Domino-Api-Key: ${serviceToken}`]],
  ["an upgrade to a web socket", ["Connection: Upgrade", "Upgrade: websocket"]],
  [
    "an upgrade to HTTP/2",
    ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"],
  ],
  ["a key that Connection nominates", ["Connection: X-Domino-Api-Key", "X-Domino-Api-Key: bad"]],
];

const inChunks = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const inner = raw({});
const keptAlive = ["Connection: keep-alive"];

const requests: readonly [string, RawRequest | string][] = [
  ["in HTTP/1.0", { version: "HTTP/1.0" }],
  ["in HTTP/1.0 that is to be kept alive", { version: "HTTP/1.0", lines: ["Connection: keep-alive"] }],
  ["in HTTP/0.9", "POST /predict\r\n\r\n"],
  ["in HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["in a version that does not exist", { version: "HTTP/1.2" }],
  ["by GET", { method: "GET" }],
  ["by PUT", { method: "PUT" }],
  ["by HEAD", { method: "HEAD" }],
  ["by OPTIONS", { method: "OPTIONS" }],
  ["by TRACE", { method: "TRACE" }],
  ["by post in lower case", { method: "post" }],
  ["by CONNECT", { method: "CONNECT", target: "proxy:8443" }],
  ["by a method that does not exist", { method: "PREDICT" }],
  ["without a host", `POST /predict HTTP/1.1\r\nContent-Length: ${envelope.length}\r\n\r\n${envelope}`],
  ["in chunks", { lines: ["Transfer-Encoding: chunked"], body: inChunks(envelope) }],
  [
    "with the key in a trailer",
    {
      lines: ["Transfer-Encoding: chunked", "Trailer: X-Domino-Api-Key"],
      body: inChunks(envelope).replace(/\r\n$/, "X-Domino-Api-Key: good\r\n\r\n"),
    },
  ],
  [
    "with both framings",
    { lines: ["Content-Length: 5", "Transfer-Encoding: chunked"], body: `0\r\n\r\n${inner}` },
  ],
  ["with two lengths", { lines: ["Content-Length: 0", `Content-Length: ${inner.length}`], body: inner }],
  ["with a negative length", { lines: ["Content-Length: -1"] }],
  ["with a signed length", { lines: ["Content-Length: +5"] }],
  ["with an unknown coding", { lines: ["Transfer-Encoding: xchunked"], body: inner }],
  ["with a coding that is spaced", { lines: ["Transfer-Encoding : chunked"], body: inner }],
  ["with two codings", { lines: ["Transfer-Encoding: chunked, identity"], body: inner }],
  [
    "with a chunk's length that is no number",
    { lines: ["Transfer-Encoding: chunked"], body: `zz\r\n${inner}` },
  ],
  ["with bare line feeds", raw({}).replaceAll("\r\n", "\n")],
  ["with a second one inside its body", { body: inner, lines: keptAlive }],
  ["with a second one behind it", raw({ lines: keptAlive }) + raw({})],
  ["with a blank line before it", `\r\n\r\n${raw({})}`],
];

describe("without a credential", () => {
  it.each(targets)("POST %s is refused", async (target) => {
    await expectRefused(await guarded(), raw({ target }));
  });

  it.each([
    "/predict",
    "//healthz",
    "/healthz/",
    "/healthz/..",
    "/v1/models",
    "/v2/models/bert",
    "/v2/models/bert/ready",
  ])("GET %s is refused", async (target) => {
    await expectRefused(await guarded(), raw({ method: "GET", target, body: "" }));
  });

  it.each(headerTricks)("a request with %s is refused", async (_what, lines) => {
    await expectRefused(await guarded(), raw({ lines }));
  });

  it.each(requests)("a request %s is refused", async (_what, request) => {
    await expectRefused(await guarded(), typeof request === "string" ? request : raw(request));
  });

  it("a request behind one for a health path is refused", async () => {
    const { proxy, engine } = await guarded();
    const health = raw({ method: "GET", target: "/healthz", body: "", lines: keptAlive });
    expect(await statusesFor(proxy.port, health + raw({}))).toEqual([200, 401]);
    expect(engine.received).toEqual([]);
  });

  it("a request within the body of one for a health path is no request", async () => {
    const { proxy, engine } = await guarded();
    const statuses = await statusesFor(
      proxy.port,
      raw({ method: "GET", target: "/healthz", body: inner, lines: keptAlive }),
    );
    expect(statuses).toEqual([200]);
    expect(engine.received).toEqual([]);
  });

  it("a request behind a good one on the same connection is refused", async () => {
    const { proxy, engine } = await guarded();
    const good = raw({ lines: ["X-Domino-Api-Key: good", ...keptAlive] });
    expect(await statusesFor(proxy.port, good + raw({}))).toEqual([200, 401]);
    expect(engine.received).toHaveLength(1);
  });
});

const { privateKey: ec } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = key.publicKey.export({ type: "spki", format: "pem" });
const jwk = key.publicKey.export({ format: "jwk" });
const attackersJwk = attacker.publicKey.export({ format: "jwk" });
const unsigned = (): Buffer => Buffer.alloc(0);
const header = { alg: "RS256", typ: "JWT", kid: "first" };
const good = (): string => token(key);
const [goodHeader, , goodSignature] = good().split(".");

/** By what is wrong; the address is that of keys which the attacker publishes. */
const tokens: readonly [string, (elsewhere: string) => string][] = [
  ["that has ended", () => token(key, { exp: nowSeconds() - 60 })],
  ["that never ends", () => token(key, { exp: undefined })],
  ["whose end is a text", () => token(key, { exp: String(nowSeconds() + 300) })],
  ["that has not begun", () => token(key, { nbf: nowSeconds() + 60 })],
  ["of another issuer", () => token(key, { iss: "https://elsewhere.example" })],
  ["of an issuer with a slash more", () => token(key, { iss: `${issuer}/` })],
  ["of no issuer", () => token(key, { iss: undefined })],
  ["for another audience", () => token(key, { aud: "account" })],
  ["for no audience", () => token(key, { aud: undefined })],
  ["for an empty list of audiences", () => token(key, { aud: [] })],
  ["without a user", () => token(key, { preferred_username: undefined })],
  ["whose user is empty", () => token(key, { preferred_username: "" })],
  ["whose user is a number", () => token(key, { preferred_username: 1 })],
  ["whose user holds a line break", () => token(key, { preferred_username: "jane\nadmin" })],
  ["that says alg none", () => compact({ ...header, alg: "none" }, claims(), unsigned)],
  ["that says alg None", () => compact({ ...header, alg: "None" }, claims(), unsigned)],
  ["that says alg none and is signed", () => compact({ ...header, alg: "none" }, claims(), byKey(key))],
  ["without an alg", () => compact({ kid: "first" }, claims(), byKey(key))],
  [
    "signed with the public key as HS256 secret",
    () => compact({ ...header, alg: "HS256" }, claims(), bySecret(pem)),
  ],
  [
    "signed with the published key as HS256 secret",
    () => compact({ ...header, alg: "HS256" }, claims(), bySecret(JSON.stringify(jwk))),
  ],
  ["signed with an empty HS256 secret", () => compact({ ...header, alg: "HS256" }, claims(), bySecret(""))],
  ["that says ES256 for an RSA key", () => compact({ ...header, alg: "ES256" }, claims(), byKey(key))],
  [
    "signed by an elliptic key",
    () => compact({ ...header, alg: "ES256" }, claims(), byKey({ ...key, privateKey: ec })),
  ],
  ["signed by another key of the same name", () => token(attacker)],
  ["of a key that is not published", () => token(attacker, {}, { kid: "other" })],
  ["whose key is a path", () => token(attacker, {}, { kid: "../../../../dev/null" })],
  ["whose key is a query", () => token(attacker, {}, { kid: "' OR '1'='1" })],
  ["whose key is an address", (elsewhere) => token(attacker, {}, { kid: `${elsewhere}/keys` })],
  ["whose key is no text", () => token(attacker, {}, { kid: ["first"] })],
  ["without the name of a key", () => token(attacker, {}, { kid: undefined })],
  ["that names keys elsewhere by jku", (elsewhere) => token(attacker, {}, { jku: `${elsewhere}/keys` })],
  [
    "that names a certificate elsewhere by x5u",
    (elsewhere) => token(attacker, {}, { x5u: `${elsewhere}/chain` }),
  ],
  ["that brings its key", () => token(attacker, {}, { jwk: attackersJwk })],
  ["that brings its certificate", () => token(attacker, {}, { x5c: ["MIIB"] })],
  ["with an extension that must be understood", () => token(key, {}, { crit: ["x"], x: 1 })],
  ["whose payload is not encoded", () => token(key, {}, { crit: ["b64"], b64: false })],
  [
    "whose payload was changed",
    () => `${goodHeader}.${token(attacker, { sub: "x" }).split(".")[1]}.${goodSignature}`,
  ],
  ["without a signature", () => good().replace(/[^.]+$/, "")],
  ["with half of a signature", () => good().slice(0, -100)],
  ["with a signature of zeros", () => compact(header, claims(), () => Buffer.alloc(256))],
  ["of two parts", () => good().split(".").slice(0, 2).join(".")],
  ["of four parts", () => `${good()}.${goodSignature}`],
  ["of five parts", () => `${good()}.a.b`],
  ["of empty parts", () => ".."],
  ["whose payload is a list", () => compact(header, "[]", byKey(key))],
  ["whose payload is no JSON", () => compact(header, "jane", byKey(key))],
  ["whose header is no JSON", () => compact("RS256", claims(), byKey(key))],
  ["with spaces in it", () => good().replace(".", " .")],
];

describe("with a token", () => {
  it("that is good a request is let through", async () => {
    const { proxy, engine } = await guarded();
    expect(await statusesFor(proxy.port, raw({ lines: [`Authorization: Bearer ${good()}`] }))).toEqual([200]);
    expect(engine.received).toHaveLength(1);
    expect(JSON.stringify(engine.received)).not.toContain(goodSignature);
  });

  it.each([
    ["a service's token as x-api-key", [`X-Api-Key: ${serviceToken}`]],
    ["a service's token as bearer token", [`Authorization: Bearer ${serviceToken}`]],
    ["a key that counts before a bad token", ["X-Domino-Api-Key: good", "Authorization: Bearer bad"]],
    ["a scheme in lower case", ["authorization: bearer good"]],
  ])("that is %s a request is let through, and the engine does not see it", async (_what, lines) => {
    const { proxy, engine } = await guarded();
    expect(await statusesFor(proxy.port, raw({ lines }))).toEqual([200]);
    expect(Object.keys(engine.received[0]?.headers ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/key|authorization/)]),
    );
  });

  it.each(tokens)("%s a request is refused", async (_what, made) => {
    const place = await guarded();
    await expectRefused(place, raw({ lines: [`Authorization: Bearer ${made(place.elsewhere.url)}`] }));
  });

  it.each(["x-domino-api-key", "x-api-key"])("that is good, in %s, a request is refused", async (name) => {
    await expectRefused(await guarded(), raw({ lines: [`${name}: ${good()}`] }));
  });
});

describe("with a key that Domino", () => {
  const page = "<html><body>Sign in</body></html>";
  it.each([
    ["calls anonymous", 401, (_received, response) => json(response, 200, { isAnonymous: true })],
    [
      "calls anonymous and an administrator",
      401,
      (_received, response) =>
        json(response, 200, { isAnonymous: true, isAdmin: true, canonicalName: "admin" }),
    ],
    [
      "does not judge",
      503,
      (_received, response) => json(response, 200, { isAdmin: true, canonicalName: "admin" }),
    ],
    [
      "calls anonymous in a text",
      503,
      (_received, response) => json(response, 200, { isAnonymous: "false" }),
    ],
    ["calls anonymous by a number", 503, (_received, response) => json(response, 200, { isAnonymous: 0 })],
    ["answers with null", 503, (_received, response) => json(response, 200, "null")],
    ["answers with a list", 503, (_received, response) => json(response, 200, [{ isAnonymous: false }])],
    ["answers with a text", 503, (_received, response) => json(response, 200, `"isAnonymous"`)],
    [
      "answers with half an object",
      503,
      (_received, response) => json(response, 200, `{"isAnonymous": false`),
    ],
    [
      "answers with a login page",
      503,
      (_received, response) => response.writeHead(200, { "content-type": "text/html" }).end(page),
    ],
    ["answers without a body", 503, (_received, response) => response.writeHead(204).end()],
    [
      "redirects to a page that says yes",
      503,
      (_received, response, { url }) =>
        url === "/yes"
          ? json(response, 200, { isAnonymous: false })
          : response.writeHead(302, { location: "/yes" }).end(JSON.stringify({ isAnonymous: false })),
    ],
    ["fails for, saying yes", 503, (_received, response) => json(response, 500, { isAnonymous: false })],
    [
      "says yes for at length",
      503,
      (_received, response) => json(response, 200, { isAnonymous: false, text: "a".repeat(100_000) }),
    ],
    ["accepts with status 201", 503, (_received, response) => json(response, 201, { isAnonymous: false })],
    [
      "refuses with 401, saying yes",
      401,
      (_received, response) => json(response, 401, { isAnonymous: false }),
    ],
    [
      "refuses with 403, saying yes",
      401,
      (_received, response) => json(response, 403, { isAnonymous: false }),
    ],
    ["breaks off over", 503, (_received, response) => response.destroy()],
  ] satisfies [string, number, Answer][])(
    "%s a request is answered with %i",
    async (_what, status, answer) => {
      const { proxy, engine } = await guarded(answer);
      const request = raw({ lines: ["X-Domino-Api-Key: good"] });
      expect(await statusesFor(proxy.port, request)).toEqual([status]);
      expect(engine.received).toEqual([]);
    },
  );
});
