import { status, type ClientDuplexStream } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ProxyFailure } from "../../../../services/proxy/proxy-failure.ts";
import { startFakeEngine } from "./fake-engine.ts";
import { collected, eventually, PlainServices, serverOf, startTestGrpc, TestClient } from "./grpc-testbed.ts";
import { inferRequest } from "./messages.ts";

async function proxied(target: Parameters<typeof serverOf>[1] = {}, options = {}) {
  const engine = await startFakeEngine();
  const services = new PlainServices([serverOf([engine], target)]);
  const grpc = await startTestGrpc(services, options);
  return { engine, services, grpc, client: new TestClient(grpc.port) };
}

function ask(index: number, fields: Parameters<typeof inferRequest>[0] = {}): Buffer {
  return inferRequest({ modelName: "bert", version: "1", id: String(index), ...fields });
}

test("passes many messages on in both directions, in order", async () => {
  const { engine, client, services } = await proxied();
  const stream = client.stream();
  const ended = collected(stream);
  const asked = Array.from({ length: 300 }, (_, index) => ask(index));
  for (const message of asked) stream.write(message);
  stream.end();
  const { messages, code } = await ended;
  expect(code).toBe(status.OK);
  expect(messages.map(String)).toEqual(asked.map(String));
  expect(engine.seen).toHaveLength(300);
  await eventually(() => services.calls.length === 1);
  const bytes = asked.reduce((sum, { length }) => sum + length, 0);
  expect(services.calls[0]).toMatchObject({ httpStatus: 200, requestBytes: bytes, answerBytes: bytes });
  expect(services.openPermits).toBe(0);
  expect(services.outcomes).toEqual([[engine.url, "answered"]]);
});

test("puts the version that was chosen into every message", async () => {
  const { engine, client } = await proxied();
  const stream = client.stream();
  const ended = collected(stream);
  for (let count = 0; count < 3; count++) stream.write(inferRequest({ modelName: "bert" }));
  stream.end();
  await ended;
  const expected = inferRequest({ modelName: "bert", version: "2" });
  expect(engine.seen.map(({ message }) => message.equals(expected))).toEqual([true, true, true]);
});

test("hands each answer on as it comes", async () => {
  const { engine, client } = await proxied();
  const turn: (() => void)[] = [];
  engine.stream = (call) => {
    call.on("data", () => undefined);
    turn.push(() => call.write(Buffer.from("a token")));
    turn.push(() => call.end());
  };
  const stream = client.stream();
  const got: string[] = [];
  stream.on("data", (message: Buffer) => got.push(String(message)));
  stream.write(ask(1));
  await eventually(() => turn.length === 2);
  turn[0]?.();
  await eventually(() => got.length === 1);
  expect(got).toEqual(["a token"]);
  turn[1]?.();
  stream.end();
});

test.each([
  ["another model", ask(2, { modelName: "gpt" })],
  ["another version", ask(2, { version: "2" })],
  ["no protobuf", Buffer.from([0xff])],
])("ends a stream whose later message is for %s, and does not pass it on", async (_what, message) => {
  const { engine, client, services } = await proxied();
  const stream = client.stream();
  const ended = collected(stream);
  stream.write(ask(1));
  stream.write(message);
  expect((await ended).code).toBe(status.INVALID_ARGUMENT);
  await eventually(() => engine.cancelled.count === 1 && services.calls.length === 1);
  expect(engine.seen).toHaveLength(1);
  expect(services.outcomes).toEqual([[engine.url, "cancelled"]]);
  expect(services.openPermits).toBe(0);
});

test("refuses a stream without a message, for an unknown model and without a credential", async () => {
  const { engine, client, services } = await proxied();
  const codeOf = async (messages: Buffer[]): Promise<number> => {
    const stream = client.stream();
    const ended = collected(stream);
    for (const message of messages) stream.write(message);
    stream.end();
    return (await ended).code;
  };
  expect(await codeOf([])).toBe(status.INVALID_ARGUMENT);
  expect(await codeOf([ask(1, { modelName: "gpt" })])).toBe(status.NOT_FOUND);
  services.authenticate = () => {
    throw new ProxyFailure("CREDENTIAL_MISSING");
  };
  expect(await codeOf([ask(1)])).toBe(status.UNAUTHENTICATED);
  expect(engine.seen).toEqual([]);
  expect(services.openPermits).toBe(0);
});

test("gives the client the answers before an engine's error, and then the error", async () => {
  const { engine, client, services } = await proxied();
  engine.stream = (call) => {
    call.on("data", () => {
      for (let count = 0; count < 5; count++) call.write(Buffer.from("answer"));
      call.emit("error", { code: status.ABORTED, details: "sequence lost" });
    });
  };
  const stream = client.stream();
  const ended = collected(stream);
  stream.write(ask(1));
  const { messages, code, details } = await ended;
  expect([code, details]).toEqual([status.ABORTED, "sequence lost"]);
  expect(messages).toHaveLength(5);
  await eventually(() => services.outcomes.length === 1);
  expect(services.outcomes).toEqual([[engine.url, "answered"]]);
});

test("tells a stream whose engine dies so", async () => {
  const { engine, client, services } = await proxied();
  const stream = client.stream();
  const ended = collected(stream);
  stream.write(ask(1));
  await eventually(() => engine.seen.length === 1);
  engine.kill();
  const { code, details } = await ended;
  expect(code).toBe(status.UNAVAILABLE);
  expect(details).not.toContain("127.0.0.1");
  expect(services.outcomes).toEqual([[engine.url, "failed"]]);
});

test("stops the engine when the client cancels", async () => {
  const { engine, client, services } = await proxied();
  engine.stream = (call) => void call.on("data", () => undefined);
  const stream = client.stream();
  stream.on("error", () => undefined);
  stream.write(ask(1));
  await eventually(() => engine.seen.length === 1);
  stream.cancel();
  await eventually(() => engine.cancelled.count === 1 && services.calls.length === 1);
  expect(services.calls[0]).toMatchObject({ httpStatus: 499 });
  expect(services.openPermits).toBe(0);
});

test("ends a stream whose engine owes an answer for too long, however much is asked", async () => {
  const { engine, client, services } = await proxied({ timeoutMs: 300 });
  engine.stream = (call) => void call.on("data", () => undefined);
  const stream = client.stream();
  const ended = collected(stream);
  const asking = setInterval(() => stream.write(ask(1)), 50);
  const { code } = await ended;
  clearInterval(asking);
  expect(code).toBe(status.DEADLINE_EXCEEDED);
  expect(services.outcomes).toEqual([[engine.url, "failed"]]);
});

test("lets a stream with answers run beyond the target's deadline, and ends a silent one", async () => {
  const { engine, client, services } = await proxied({ timeoutMs: 200 }, { streamIdleMs: 400 });
  const stream = client.stream();
  const ended = collected(stream);
  for (let count = 0; count < 4; count++) {
    stream.write(ask(count));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { code, messages } = await ended;
  expect(messages).toHaveLength(4);
  expect(code).toBe(status.DEADLINE_EXCEEDED);
  expect(engine.cancelled.count).toBe(1);
  expect(services.openPermits).toBe(0);
});

test("holds an engine back whose client does not read", { timeout: 20_000 }, async () => {
  const { engine, client } = await proxied();
  let written = 0;
  engine.stream = (call) => {
    const answer = Buffer.alloc(64 * 1024);
    const more = (): void => {
      if (written++ < 2_000) call.write(answer, more);
    };
    call.once("data", more);
  };
  const stream: ClientDuplexStream<Buffer, Buffer> = client.stream();
  stream.on("error", () => undefined);
  // The library takes everything in until it is first read from.
  stream.once("data", () => stream.pause());
  stream.write(ask(1));
  await eventually(() => written > 10);
  let before = -1;
  while (before !== written) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  // A few messages are in the buffers of the three processes' ends; all 2,000 would be 125 MiB.
  expect(written).toBeLessThan(300);
  stream.cancel();
});
