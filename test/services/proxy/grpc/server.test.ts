import { credentials, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { lengthDelimitedField, varintField } from "../../../../services/proxy/grpc/wire-format.ts";
import { selfSigned } from "../self-signed.ts";
import { startFakeEngine } from "./fake-engine.ts";
import { eventually, PlainServices, serverOf, startTestGrpc, TestClient } from "./grpc-testbed.ts";
import { inferRequest } from "./messages.ts";

const none = Buffer.alloc(0);
const bert = inferRequest({ modelName: "bert", version: "1" });

test("says to everyone that it is alive and whether it is ready", async () => {
  const services = new PlainServices([]);
  const client = new TestClient((await startTestGrpc(services)).port);
  expect((await client.call("ServerLive", none)).message).toEqual(varintField(1, 1));
  expect((await client.call("ServerReady", none)).message).toEqual(varintField(1, 1));
  expect((await client.call("Check", none)).message).toEqual(varintField(1, 1));
  services.draining = true;
  expect((await client.call("ServerReady", none)).message).toEqual(none);
  expect((await client.call("Check", none)).message).toEqual(varintField(1, 2));
  expect(services.asked).toEqual([]);
});

test("says what it is to callers who are let in", async () => {
  const services = new PlainServices([]);
  const client = new TestClient((await startTestGrpc(services)).port);
  const { message } = await client.call("ServerMetadata", none);
  const name = lengthDelimitedField(1, "domino-inference-proxy");
  expect(message.subarray(0, name.length)).toEqual(name);
  expect(services.asked).toHaveLength(1);
});

test("lists the models, all or only those that are ready", async () => {
  const services = new PlainServices([]);
  services.listed = [
    { name: "bert", version: "1", state: "READY" },
    { name: "gpt", version: "2", state: "UNAVAILABLE" },
  ];
  const client = new TestClient((await startTestGrpc(services)).port);
  const entries = services.listed.map(({ name, version, state }) =>
    lengthDelimitedField(
      1,
      Buffer.concat([
        lengthDelimitedField(1, name),
        lengthDelimitedField(2, version),
        lengthDelimitedField(3, state),
      ]),
    ),
  );
  expect((await client.call("RepositoryIndex", none)).message).toEqual(Buffer.concat(entries));
  expect((await client.call("RepositoryIndex", varintField(2, 1))).message).toEqual(entries[0]);
  expect((await client.call("RepositoryIndex", Buffer.from([7]))).code).toBe(status.INVALID_ARGUMENT);
});

test("answers every other method with UNIMPLEMENTED", async () => {
  const client = new TestClient((await startTestGrpc(new PlainServices([]))).port);
  for (const method of ["RepositoryModelUnload", "SystemSharedMemoryRegister", "LogSettings"]) {
    const { code } = await client.call(`/inference.GRPCInferenceService/${method}`, none);
    expect(code).toBe(status.UNIMPLEMENTED);
  }
});

test("refuses messages above the limit in both directions", async () => {
  const engine = await startFakeEngine();
  const services = new PlainServices([serverOf([engine])]);
  const client = new TestClient((await startTestGrpc(services, { maxMessageBytes: 10_000 })).port);
  const long = inferRequest({ modelName: "bert", version: "1", raw: Buffer.alloc(10_000) });
  expect((await client.call("ModelInfer", long)).code).toBe(status.RESOURCE_EXHAUSTED);
  expect(engine.seen).toEqual([]);
  engine.answer = () => Promise.resolve(Buffer.alloc(10_001));
  const { code, trailers } = await client.call("ModelInfer", bert);
  expect(code).toBe(status.UNAVAILABLE);
  expect(trailers.get("x-error-code")).toEqual(["ENGINE_ANSWER_INVALID"]);
  expect(services.outcomes).toEqual([[engine.url, "answered"]]);
});

test("passes a message of 64 MiB, version put in, both ways", { timeout: 30_000 }, async () => {
  const engine = await startFakeEngine();
  const services = new PlainServices([serverOf([engine])]);
  const limit = 64 * 1024 * 1024;
  const client = new TestClient((await startTestGrpc(services, { maxMessageBytes: limit })).port);
  const raw = Buffer.alloc(limit - 20, 0x5a);
  const { code, message } = await client.call("ModelInfer", inferRequest({ modelName: "bert", raw }));
  expect(code).toBe(status.OK);
  expect(message.length).toBe(limit - 20 + 6 + 5 + 3);
  expect(message.includes(raw)).toBe(true);
});

test("refuses what would make all calls together hold too much", async () => {
  const engine = await startFakeEngine();
  engine.answer = () => new Promise(() => undefined);
  const services = new PlainServices([serverOf([engine])]);
  const grpc = await startTestGrpc(services, { maxMessageBytes: 10_000, drainTimeoutMs: () => 0 });
  const client = new TestClient(grpc.port);
  const message = inferRequest({ modelName: "bert", version: "1", raw: Buffer.alloc(9_900) });
  const held = new AbortController();
  for (let count = 0; count < 8; count++) void client.call("ModelInfer", message, { signal: held.signal });
  await eventually(() => engine.seen.length === 8);
  const { code, trailers } = await client.call("ModelInfer", message);
  expect(code).toBe(status.UNAVAILABLE);
  expect(trailers.get("x-error-code")).toEqual(["OVERLOADED"]);
  held.abort();
  await eventually(() => services.calls.length === 9);
  engine.answer = () => Promise.resolve(none);
  expect((await client.call("ModelInfer", message)).code).toBe(status.OK);
});

test("does not wait for ever for a message", async () => {
  const services = new PlainServices([]);
  const client = new TestClient((await startTestGrpc(services, { messageTimeoutMs: 100 })).port);
  const stream = client.stream();
  const ended = new Promise<number>((resolve) => stream.on("status", ({ code }) => resolve(code)));
  stream.on("error", () => undefined).resume();
  expect(await ended).toBe(status.DEADLINE_EXCEEDED);
});

test("answers a thousand calls at once, each with its own answer", { timeout: 30_000 }, async () => {
  const engine = await startFakeEngine();
  const services = new PlainServices([serverOf([engine])]);
  const client = new TestClient((await startTestGrpc(services)).port);
  const messages = Array.from({ length: 1_000 }, (_, index) =>
    inferRequest({ modelName: "bert", version: "1", id: String(index) }),
  );
  const answers = await Promise.all(messages.map((message) => client.call("ModelInfer", message)));
  expect(answers.every(({ message }, index) => messages[index]?.equals(message))).toBe(true);
  expect(services.openPermits).toBe(0);
  expect(services.outcomes).toHaveLength(1_000);
});

test("finishes calls in flight when it closes, and takes no new ones", async () => {
  const engine = await startFakeEngine();
  const asked = Promise.withResolvers<Buffer>();
  engine.answer = () => asked.promise;
  const services = new PlainServices([serverOf([engine])]);
  const grpc = await startTestGrpc(services);
  const answer = new TestClient(grpc.port).call("ModelInfer", bert);
  await eventually(() => engine.seen.length === 1);
  const closed = grpc.close();
  expect((await new TestClient(grpc.port).call("ServerLive", none)).code).toBe(status.UNAVAILABLE);
  asked.resolve(Buffer.from("done"));
  expect((await answer).message.toString()).toBe("done");
  await closed;
});

test("breaks calls off that last longer than the drain", async () => {
  const engine = await startFakeEngine();
  engine.answer = () => new Promise(() => undefined);
  const services = new PlainServices([serverOf([engine])]);
  const grpc = await startTestGrpc(services, { drainTimeoutMs: () => 100 });
  const answer = new TestClient(grpc.port).call("ModelInfer", bert);
  await eventually(() => engine.seen.length === 1);
  await grpc.close();
  expect((await answer).code).not.toBe(status.OK);
  await eventually(() => engine.cancelled.count === 1 && services.openPermits === 0);
  expect(services.outcomes).toEqual([[engine.url, "cancelled"]]);
});

test("listens on IPv6 and ends there", async () => {
  const grpc = await startTestGrpc(new PlainServices([]), { listen: { host: "::1", port: 0 } });
  await grpc.close();
  await grpc.close();
});

test("closes the connection to an endpoint that no route leads to, and connects anew when one does again", async () => {
  const engine = await startFakeEngine();
  const services = new PlainServices([serverOf([engine])]);
  const grpc = await startTestGrpc(services);
  const client = new TestClient(grpc.port);
  await client.call("ModelInfer", bert);
  grpc.retain(new Set());
  expect((await client.call("ModelInfer", bert)).code).toBe(status.OK);
});

test("fails with a code where its port is taken", async () => {
  const taken = await startTestGrpc(new PlainServices([]));
  const again = startTestGrpc(new PlainServices([]), { listen: { host: "127.0.0.1", port: taken.port } });
  await expect(again).rejects.toMatchObject({ problems: [{ code: "LOCAL_PORT_IN_USE" }] });
});

test("gives new connections the certificate that was set last", async () => {
  const [old, renewed] = [selfSigned("localhost"), selfSigned("localhost")];
  const grpc = await startTestGrpc(new PlainServices([]), { tls: { cert: old.certificate, key: old.key } });
  const trusting = (certificate: string): TestClient =>
    new TestClient(grpc.port, credentials.createSsl(Buffer.from(certificate)), {
      "grpc.ssl_target_name_override": "localhost",
    });
  const before = trusting(old.certificate);
  expect((await before.call("ServerLive", none)).code).toBe(status.OK);
  grpc.setSecureContext({ cert: renewed.certificate, key: renewed.key });
  expect((await trusting(renewed.certificate).call("ServerLive", none)).code).toBe(status.OK);
  expect((await trusting(old.certificate).call("ServerLive", none)).code).toBe(status.UNAVAILABLE);
  expect((await before.call("ServerLive", none)).code).toBe(status.OK);
});
