import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:http2";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { credentials, status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import type { RouteModel } from "../../../../platform/routes/routing-table.ts";
import type { ArrivedCall } from "../../../../services/proxy/grpc/grpc-services.ts";
import type { AuthOptions } from "../../../../services/proxy/proxy-options.ts";
import { selfSigned } from "../self-signed.ts";
import { replaceFile, until } from "../testbed.ts";
import { collected, PlainServices, startTestGrpc, TestClient } from "./grpc-testbed.ts";
import { bert, inferPath, oneEngine } from "./proxied-engines.ts";

type Pair = ReturnType<typeof selfSigned>;

const uri = "spiffe://example/batch";
const token = "a-token-of-a-batch-job-0123456789";
const server = selfSigned("localhost");
const batch = selfSigned("batch", uri);
/** The same names, by another authority. */
const stranger = selfSigned("batch", uri);
const byCertificate: AuthOptions = { kind: "credentials", certificate: true };

async function folderFor(files: Readonly<Record<string, string>>): Promise<(name: string) => string> {
  const folder = await mkdtemp(join(tmpdir(), "proxy-clients-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return (name) => join(folder, name);
}

/** A proxy that lets in whoever has the certificate of `client`, which is its own authority. */
async function guarded(
  auth: AuthOptions,
  { client = batch, model = {} }: { client?: Pair; model?: Partial<RouteModel> } = {},
) {
  const at = await folderFor({
    "tls.crt": server.certificate,
    "tls.key": server.key,
    "clients.crt": client.certificate,
  });
  const clientCaFile = at("clients.crt");
  const tls = { certFile: at("tls.crt"), keyFile: at("tls.key"), clientCaFile };
  const { proxy, engine, lines } = await oneEngine(model, {}, { auth, tls });
  return { proxy, engine, lines, clientCaFile, port: proxy.grpcPort ?? 0 };
}

/** A client on a connection of its own, with a certificate or without. */
function clientOf(port: number, pair?: Pair): TestClient {
  const [key, certificate] = pair ? [Buffer.from(pair.key), Buffer.from(pair.certificate)] : [];
  const tls = credentials.createSsl(Buffer.from(server.certificate), key, certificate);
  return new TestClient(port, tls, { "grpc.ssl_target_name_override": "localhost" });
}

async function ask(port: number, pair?: Pair, headers: Record<string, string> = {}): Promise<status> {
  return (await clientOf(port, pair).call("ModelInfer", bert, { headers })).code;
}

test("lets in whoever shows a certificate of a trusted authority, and nobody else", async () => {
  const { port, engine, lines } = await guarded(byCertificate);
  expect(await ask(port, batch)).toBe(status.OK);
  expect(await ask(port)).toBe(status.UNAVAILABLE);
  expect(await ask(port, stranger)).toBe(status.UNAVAILABLE);
  expect(engine.seen).toHaveLength(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ path: inferPath, principal: { kind: "certificate", id: uri } });
});

test("knows the holder of a certificate by the same name and key as HTTP does", async () => {
  const { proxy, port, lines } = await guarded(byCertificate);
  await ask(port, batch);
  const options = { method: "POST", agent: false, rejectUnauthorized: false };
  const asked = request(`${proxy.url}/predict`, { ...options, cert: batch.certificate, key: batch.key });
  asked.on("response", (response) => response.resume()).end("{}");
  await until(() => lines.length === 2);
  expect(lines[1]).toMatchObject({ path: "/predict", principal: { kind: "certificate", id: uri } });
  expect(lines[0]?.["principal"]).toEqual(lines[1]?.["principal"]);
});

test("knows who calls in every call of a connection, streams too", async () => {
  const { port, lines } = await guarded(byCertificate);
  const client = clientOf(port, batch);
  await client.call("ModelInfer", bert);
  await client.call("ModelInfer", bert);
  const stream = client.stream();
  const ended = collected(stream);
  stream.end(bert);
  expect((await ended).code).toBe(status.OK);
  await until(() => lines.length === 3);
  expect(lines.map(({ principal }) => (principal as { id: string }).id)).toEqual([uri, uri, uri]);
});

test.each([
  ["lets in", uri, status.OK],
  ["keeps out", "spiffe://example/other", status.PERMISSION_DENIED],
])("%s the holder of a certificate by the list of who may use a model", async (_what, user, code) => {
  const { port } = await guarded(byCertificate, { model: { allow: { users: [user] } } });
  expect(await ask(port, batch)).toBe(code);
});

test("takes a certificate next to a header that nobody reads", async () => {
  const { port } = await guarded(byCertificate);
  expect(await ask(port, batch, { authorization: "Bearer unused" })).toBe(status.OK);
});

test("lets a token decide where one is sent along, good or bad", async () => {
  const at = await folderFor({ "tokens.json": JSON.stringify([{ name: "nightly", token }]) });
  const { port, engine, lines } = await guarded({ ...byCertificate, token: { file: at("tokens.json") } });
  expect(await ask(port, batch, { authorization: `Bearer ${token}` })).toBe(status.OK);
  expect(await ask(port, batch, { authorization: "Bearer bad" })).toBe(status.UNAUTHENTICATED);
  expect(await ask(port, batch, { "x-api-key": "bad" })).toBe(status.UNAUTHENTICATED);
  expect(await ask(port, batch)).toBe(status.OK);
  expect(engine.seen).toHaveLength(2);
  await until(() => lines.length === 4);
  expect(lines.map(({ principal }) => principal)).toMatchObject([
    { kind: "token", id: "nightly" },
    { kind: "anonymous" },
    { kind: "anonymous" },
    { kind: "certificate", id: uri },
  ]);
});

test("refuses a certificate that leaves open who it names", async () => {
  const two = selfSigned("batch", "spiffe://example/a", "spiffe://example/b");
  const { port, engine, lines } = await guarded(byCertificate, { client: two });
  expect(await ask(port, two)).toBe(status.UNAUTHENTICATED);
  expect(lines[0]).toMatchObject({ errorCode: "CREDENTIAL_REFUSED" });
  expect(engine.seen).toEqual([]);
});

test("only lets a certificate be a gate where another kind of credential is asked for", async () => {
  const { port, lines } = await guarded({ kind: "none" });
  expect(await ask(port, batch)).toBe(status.OK);
  expect(await ask(port)).toBe(status.UNAVAILABLE);
  expect(lines).toMatchObject([{ principal: { kind: "anonymous" } }]);
});

test("refuses a certificate where no authority was named", async () => {
  const at = await folderFor({ "tls.crt": server.certificate, "tls.key": server.key });
  const tls = { certFile: at("tls.crt"), keyFile: at("tls.key") };
  const { proxy, engine } = await oneEngine({}, {}, { auth: byCertificate, tls });
  expect(await ask(proxy.grpcPort ?? 0, batch)).toBe(status.UNAUTHENTICATED);
  expect(engine.seen).toEqual([]);
});

test("judges new connections by the authorities that the file holds now", async () => {
  const { proxy, port, clientCaFile } = await guarded(byCertificate);
  const before = clientOf(port, batch);
  expect((await before.call("ModelInfer", bert)).code).toBe(status.OK);
  await replaceFile(clientCaFile, stranger.certificate);
  await until(() => proxy.logged.some(({ msg }) => msg === "certificate reloaded"));
  expect(await ask(port, batch)).toBe(status.UNAVAILABLE);
  expect(await ask(port, stranger)).toBe(status.OK);
  // As with HTTP, an open connection keeps the authority that it began with.
  expect((await before.call("ModelInfer", bert)).code).toBe(status.OK);
});

test("refuses the session of a connection whose authority is gone", async () => {
  const { proxy, port, clientCaFile, lines } = await guarded(byCertificate);
  const { sessions } = await rawCall(port, batch);
  expect((await rawCall(port, batch, sessions[0])).isSessionReused).toBe(true);
  await until(() => lines.length === 2);
  await replaceFile(clientCaFile, stranger.certificate);
  await until(() => proxy.logged.some(({ msg }) => msg === "certificate reloaded"));
  expect((await rawCall(port, batch, sessions[0])).isSessionReused).toBe(false);
  expect(lines).toHaveLength(2);
});

/** What a server saw of its callers' certificates that asks for one and lets everybody in. */
async function lenient() {
  const seen: (string | undefined)[] = [];
  const services = new PlainServices([]);
  const begin = (call: ArrivedCall) => {
    seen.push(call.clientCertificate()?.subjectaltname);
    return services.begin(call);
  };
  const { port } = await startTestGrpc(
    { begin, ready: () => true },
    {
      tls: {
        ...{ cert: server.certificate, key: server.key, ca: batch.certificate },
        ...{ requestCert: true, rejectUnauthorized: false },
      },
    },
  );
  return { seen, port };
}

test("sees no certificate that was not verified, even on a server that lets such connections in", async () => {
  const { seen, port } = await lenient();
  const called = async (pair?: Pair): Promise<void> =>
    void (await clientOf(port, pair).call("ServerMetadata", Buffer.alloc(0)));
  await called(batch);
  await called(stranger);
  await called();
  expect(seen).toEqual([`DNS:batch, URI:${uri}`, undefined, undefined]);
});

test("sees none either on a connection that goes on with the session of an unverified one", async () => {
  const { seen, port } = await lenient();
  for (const pair of [stranger, undefined]) {
    const { sessions } = await rawCall(port, pair);
    expect((await rawCall(port, pair, sessions[0])).isSessionReused).toBe(true);
  }
  expect(seen).toEqual([undefined, undefined, undefined, undefined]);
});

/** One call by HTTP/2 alone: gRPC's own clients do not go on with a session. */
async function rawCall(port: number, pair?: Pair, session?: Buffer) {
  const connection = connect(`https://127.0.0.1:${port}`, {
    ...{ rejectUnauthorized: false, ...(pair && { cert: pair.certificate, key: pair.key }) },
    ...(session && { session }),
  });
  const socket = connection.socket as TLSSocket;
  const sessions: Buffer[] = [];
  socket.on("session", (given: Buffer) => sessions.push(given));
  let isSessionReused = false;
  connection.once("connect", () => (isSessionReused = socket.isSessionReused()));
  // Where the server refuses it.
  connection.on("error", () => undefined);
  const headers = { ":method": "POST", ":path": inferPath, "content-type": "application/grpc" };
  const call = connection.request({ ...headers, te: "trailers" });
  call.on("error", () => undefined);
  call.resume().end();
  await new Promise((resolve) => call.once("close", resolve));
  connection.close();
  return { sessions, isSessionReused };
}
