import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { methods } from "../../../../services/proxy/grpc/open-inference-service.ts";
import { startFakeEngine } from "./fake-engine.ts";
import { collected, eventually, PlainServices, serverOf, startTestGrpc, TestClient } from "./grpc-testbed.ts";
import { inferRequest } from "./messages.ts";

const bert = inferRequest({ modelName: "bert", version: "1", raw: Buffer.alloc(40) });

async function proxied() {
  const engine = await startFakeEngine();
  const services = new PlainServices([serverOf([engine])]);
  const grpc = await startTestGrpc(services, { messageTimeoutMs: 500 });
  return { engine, services, grpc, client: new TestClient(grpc.port) };
}

test(
  "refuses messages of random and of damaged bytes without asking the engine",
  { timeout: 60_000 },
  async () => {
    const { engine, services, client } = await proxied();
    const damaged = fc.tuple(fc.nat(), fc.nat(255), fc.nat()).map(([place, byte, cut]) => {
      const bytes = Buffer.from(bert);
      bytes[place % bytes.length] = byte;
      return bytes.subarray(0, cut % (bytes.length + 1));
    });
    const random = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged, random), async (message) => {
        const before = engine.seen.length;
        const { code } = await client.call("ModelInfer", message);
        // Damage within the payload is the engine's to judge.
        if (code === status.OK) expect(engine.seen.length).toBe(before + 1);
        else {
          expect([status.INVALID_ARGUMENT, status.NOT_FOUND]).toContain(code);
          expect(engine.seen.length).toBe(before);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(services.openPermits).toBe(0);
  },
);

test("survives streams of random bytes", { timeout: 60_000 }, async () => {
  const { services, client } = await proxied();
  const message = fc.oneof(
    fc.constant(bert),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 6 }), async (messages) => {
      const stream = client.stream();
      const ended = collected(stream);
      for (const bytes of messages) stream.write(bytes);
      stream.end();
      const { code } = await ended;
      const allGood = messages.every((bytes) => bytes.equals(bert));
      expect(code === status.OK).toBe(allGood);
    }),
    { numRuns: 300 },
  );
  await eventually(() => services.openPermits === 0);
});

test("survives broken gRPC frames and HTTP/2 that is no gRPC", { timeout: 60_000 }, async () => {
  const { engine, grpc, client } = await proxied();
  const session = connectHttp2(`http://127.0.0.1:${grpc.port}`);
  session.on("error", () => undefined);
  const ask = (headers: Record<string, string>, body: Buffer): Promise<string> =>
    new Promise((resolve) => {
      const stream = session.request({
        ":method": "POST",
        ":path": methods.ModelInfer.path,
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      });
      const got: Record<string, unknown> = {};
      stream.on("response", (answer) => Object.assign(got, answer));
      stream.on("trailers", (trailers) => Object.assign(got, trailers));
      stream.on("error", () => undefined);
      stream.on("close", () =>
        resolve(String(got["grpc-status"] ?? got[constants.HTTP2_HEADER_STATUS] ?? "reset")),
      );
      stream.resume();
      stream.end(body);
    });
  const framed = (message: Buffer, flag = 0, length = message.length): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt8(flag, 0);
    head.writeUInt32BE(length, 1);
    return Buffer.concat([head, message]);
  };
  const statuses = await Promise.all([
    ask({ "content-type": "text/html" }, bert),
    ask({ ":path": "/predict" }, framed(bert)),
    ask({ "grpc-timeout": "soon" }, framed(bert)),
    ask({}, framed(bert, 0, 2 ** 32 - 1)),
    ask({}, Buffer.concat([framed(bert), framed(bert)])),
    ask({}, Buffer.alloc(0)),
    ask({}, framed(bert).subarray(0, 3)),
    ask({ "grpc-encoding": "gzip" }, framed(Buffer.from("no gzip"), 1)),
    ask({ "grpc-encoding": "br" }, framed(bert, 1)),
  ]);
  expect(statuses).not.toContain("0");
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
      expect(await ask({}, Buffer.from(bytes))).not.toBe("0");
    }),
    { numRuns: 300 },
  );
  session.destroy();
  expect(engine.seen).toEqual([]);
  expect((await client.call("ModelInfer", bert)).code).toBe(status.OK);
});

test("survives bytes that are no HTTP/2, and connections that say nothing", { timeout: 30_000 }, async () => {
  const { engine, grpc, client } = await proxied();
  const silent = connect(grpc.port, "127.0.0.1");
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, prefaced) => {
      const socket = connect(grpc.port, "127.0.0.1");
      socket.on("error", () => undefined).resume();
      const closed = new Promise((resolve) => socket.on("close", resolve));
      if (prefaced) socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      socket.end(Buffer.from(bytes));
      await closed;
    }),
    { numRuns: 300 },
  );
  expect((await client.call("ModelInfer", bert)).code).toBe(status.OK);
  expect(engine.seen).toHaveLength(1);
  silent.destroy();
});

test("keeps nothing of clients that leave at any moment", { timeout: 60_000 }, async () => {
  const { engine, services, client } = await proxied();
  engine.answer = (call) => new Promise((resolve) => setTimeout(() => resolve(call.request), 3));
  const calls = Array.from({ length: 500 }, async (_, index) => {
    const leaving = new AbortController();
    const answer = client.call("ModelInfer", bert, { signal: leaving.signal });
    setTimeout(() => leaving.abort(), index % 12);
    return (await answer).code;
  });
  const codes = new Set(await Promise.all(calls));
  expect([...codes].every((code) => code === status.OK || code === status.CANCELLED)).toBe(true);
  await eventually(() => services.openPermits === 0);
  expect((await client.call("ModelInfer", bert)).code).toBe(status.OK);
  expect(services.outcomes.every(([, outcome]) => outcome === "answered" || outcome === "cancelled")).toBe(
    true,
  );
});
