import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { RunningGroup } from "../../../services/emulator/emulator.ts";
import { suite } from "../requires.ts";
import { chatRoutes, startChatEmulator } from "./chat-server.ts";
import { servedInstances, startDynamo, type RunningDynamo } from "./dynamo.ts";
import { openAiClientContract } from "./openai-client-contract.ts";
import { chatModelName, openAiContract } from "./openai-contract.ts";
import { openAiProxyContract } from "./openai-proxy-contract.ts";
import { serverNeed } from "./prepared-environment.ts";
import { startProtected, startProxied, type RunningProxied } from "./proxied.ts";
import { ask, eventually, type ServerUnderTest } from "./server-under-test.ts";

suite("Dynamo with simulated workers", [serverNeed("dynamo")], () => {
  let dynamo: RunningDynamo;
  let proxy: RunningProxied;
  beforeAll(async () => {
    dynamo = await startDynamo({ model: chatModelName, workers: 2 });
    proxy = await startProxied(chatRoutes("dynamo", [dynamo.url]));
  });
  afterAll(async () => {
    await proxy?.stop();
    await dynamo?.stop();
  });

  const chat = (server: ServerUnderTest, content: string) =>
    ask(server, "POST", "/v1/chat/completions", {
      model: chatModelName,
      messages: [{ role: "user", content }],
      max_tokens: 4,
    });

  describe("itself", () => openAiContract(() => dynamo, { errorIn: "body" }));

  describe("behind the proxy", () => {
    // Errors of the engine come through as they are: only those of the proxy itself have OpenAI's form.
    openAiContract(() => proxy, { errorIn: "error", engineErrorIn: "body" });
    openAiProxyContract(() => proxy);
  });

  test("sends an equal prompt to the worker that has it in its cache, through the proxy too", async () => {
    const cached = async (server: ServerUnderTest, prompt: string) =>
      ((await chat(server, prompt)).json.usage.prompt_tokens_details?.cached_tokens ?? 0) as number;
    const promptOf = (first: number) =>
      Array.from({ length: 300 }, (_, index) => `word${first + index}`).join(" ");
    for (const [server, prompt] of [
      [dynamo, promptOf(0)],
      [proxy, promptOf(1_000)],
    ] as const) {
      expect(await cached(server, prompt)).toBe(0);
      // The cache's events reach the router a moment after the answer; whole blocks of 64 tokens or less are kept.
      expect(
        await eventually(
          () => cached(server, prompt),
          (tokens) => tokens > 0,
        ),
      ).toBeGreaterThanOrEqual(192);
    }
  });

  test("serves OpenAI's own client, who has a token, and nobody without", async () => {
    const token = "a-token-of-a-batch-job-0123456789";
    const closed = await startProtected(token, chatRoutes("dynamo", [dynamo.url]));
    onTestFinished(() => closed.stop());
    await openAiClientContract(`${closed.url}/v1`, token);
  });

  // Last, since it ends the workers.
  test("goes on with one worker of two, and without any has no model", async () => {
    const [first, second] = dynamo.workers;
    await first?.stop();
    await eventually(
      () => servedInstances(dynamo.url, chatModelName),
      (count) => count === 1,
    );
    for (let request = 0; request < 4; request++) expect((await chat(proxy, "word1")).status).toBe(200);
    await second?.stop();
    await eventually(
      () => servedInstances(dynamo.url, chatModelName),
      (count) => count === 0,
    );
    expect((await ask(dynamo, "GET", "/v1/models")).json.data).toEqual([]);
    // The frontend lives on and says 404 without a body: a client cannot tell a model that is down from one that is not.
    expect(await chat(dynamo, "word1")).toMatchObject({ status: 404, text: "" });
    expect(await chat(proxy, "word1")).toMatchObject({ status: 404, text: "" });
    const predict = await ask(proxy, "POST", "/predict", {
      inference_server_name: "chat",
      model_name: chatModelName,
      payload: { prompt: "word1", max_tokens: 1 },
    });
    expect(predict).toMatchObject({ status: 404, json: { status_code: 404, result: null } });
    // The proxy lists models by its routing table.
    expect((await ask(proxy, "GET", "/v1/models")).json.data).toMatchObject([{ id: chatModelName }]);
  });

  test("leaves the proxy with 502 when the frontend is gone", async () => {
    await dynamo.frontend.stop();
    expect(await chat(proxy, "word1")).toMatchObject({
      status: 502,
      json: { error: { code: "ENGINE_UNREACHABLE" } },
    });
  });
});

describe("the emulator of vLLM", () => {
  let group: RunningGroup;
  let emulator: ServerUnderTest;
  let proxy: RunningProxied;
  beforeAll(async () => {
    group = await startChatEmulator();
    emulator = { url: group.endpoints[0] ?? "" };
    proxy = await startProxied(chatRoutes("vllm", group.endpoints));
  });
  afterAll(async () => {
    await proxy?.stop();
    await group?.close();
  });

  // No vLLM runs without a GPU here: Dynamo is the real server that the API is compared with, and the form of errors is
  // deliberately vLLM's.
  describe("itself", () => openAiContract(() => emulator, { errorIn: "error" }));
  describe("behind the proxy", () => {
    openAiContract(() => proxy, { errorIn: "error" });
    openAiProxyContract(() => proxy);
  });
});
