import { status, type ServerDuplexStream } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { until } from "../testbed.ts";
import { collected } from "./grpc-testbed.ts";
import { inferRequest, streamAnswer } from "./messages.ts";
import { bert, labels, oneEngine } from "./proxied-engines.ts";

type Call = ServerDuplexStream<Buffer, Buffer>;
type Proxy = Awaited<ReturnType<typeof oneEngine>>["proxy"];

const token = (id?: string): Buffer => streamAnswer({ output: "token", ...(id !== undefined && { id }) });
const ask = (id: string): Buffer => inferRequest({ modelName: "bert", version: "1", id });

/** How many times to a first token, and how many gaps between tokens. */
async function counts(proxy: Proxy): Promise<[first: number, gaps: number]> {
  return [
    await proxy.metric(`inference_time_to_first_token_seconds_count{${labels}}`),
    await proxy.metric(`inference_inter_token_latency_seconds_count{${labels}}`),
  ];
}

async function ended({ proxy, calls = 1 }: { proxy: Proxy; calls?: number }): Promise<void> {
  await until(async () => (await proxy.metric(`inference_requests_total{${labels},status="200"}`)) === calls);
}

/** Answers each request with as many tokens, then with the empty answer that says that it has ended. */
function generate(call: Call, tokens: number, idOf: (message: Buffer) => string | undefined): void {
  call.on("data", (message: Buffer) => {
    const id = idOf(message);
    for (let count = 0; count < tokens; count++) call.write(token(id));
    call.write(streamAnswer(id === undefined ? {} : { id }));
  });
  call.on("end", () => call.end());
}

test("measures the first token of a stream and the gaps between all of them", async () => {
  const { engine, client, proxy } = await oneEngine();
  engine.stream = (call) => generate(call, 4, () => undefined);
  const stream = client.stream();
  const all = collected(stream);
  stream.end(bert);
  expect((await all).messages).toHaveLength(5);
  await ended({ proxy });
  expect(await counts(proxy)).toEqual([1, 3]);
});

test("measures every request of a stream whose requests have ids", async () => {
  const { engine, client, proxy } = await oneEngine();
  const ids = ["a", "b", "c"];
  engine.stream = (call) => generate(call, 3, (message) => ids.find((id) => message.equals(ask(id))));
  const stream = client.stream();
  const all = collected(stream);
  for (const id of ids) stream.write(ask(id));
  stream.end();
  await all;
  await ended({ proxy });
  expect(await counts(proxy)).toEqual([3, 6]);
});

test("measures nothing where the answers may be of several requests", async () => {
  const { engine, client, proxy } = await oneEngine();
  engine.stream = (call) => {
    // Answered when all requests are there.
    call.on("data", () => undefined);
    call.on("end", () => {
      for (let count = 0; count < 6; count++) call.write(token());
      call.end();
    });
  };
  const stream = client.stream();
  const all = collected(stream);
  stream.write(bert);
  stream.write(bert);
  stream.end();
  expect((await all).messages).toHaveLength(6);
  await ended({ proxy });
  expect(await counts(proxy)).toEqual([0, 0]);
});

test("measures the tokens that came before an engine broke its stream off", async () => {
  const { engine, client, proxy } = await oneEngine();
  engine.stream = (call) => {
    call.on("data", () => {
      call.write(token());
      call.write(token());
      call.emit("error", { code: status.ABORTED, details: "sequence lost" });
    });
  };
  const stream = client.stream();
  const all = collected(stream);
  stream.write(bert);
  expect((await all).code).toBe(status.ABORTED);
  expect(await counts(proxy)).toEqual([1, 1]);
});

test("measures no token of a stream that holds only an error, nor of ModelInfer", async () => {
  const { engine, client, proxy } = await oneEngine();
  engine.stream = (call) => {
    call.on("data", () => call.write(streamAnswer({ error: "no such input" })));
    call.on("end", () => call.end());
  };
  engine.answer = () => Promise.resolve(token());
  const stream = client.stream();
  const all = collected(stream);
  stream.end(bert);
  expect((await all).messages).toHaveLength(1);
  await client.call("ModelInfer", bert);
  await ended({ proxy, calls: 2 });
  expect(await counts(proxy)).toEqual([0, 0]);
});
