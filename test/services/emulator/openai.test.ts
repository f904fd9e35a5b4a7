import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maxBodyBytes } from "../../../services/emulator/http/body.ts";
import { expectedFingerprint, generateText } from "../../../services/emulator/openai/generated-text.ts";
import { chatGroup, chatModel, endless } from "./groups.ts";
import { eventually, metric, post, startedGroup } from "./running-group.ts";
import { present } from "./present.ts";

function chatServer(): Promise<string> {
  return startedGroup({ group: chatGroup(), loading: "preload", protocol: "openai" });
}

const hello = { model: "llama-3-8b", messages: [{ role: "user", content: "Hello there" }] };

/** Data of every event, after proof that nothing but `data:` events is in the stream. */
function eventsOf(stream: string): string[] {
  const events = stream.split("\n\n");
  expect(events.pop()).toBe("");
  return events.map((event) => {
    expect(event).toMatch(/^data: [^\n]+$/);
    return event.slice("data: ".length);
  });
}

describe("chat", () => {
  test("answers exactly max_tokens words with usage", async () => {
    const answer = await post(`${await chatServer()}/v1/chat/completions`, { ...hello, max_tokens: 3 });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      object: "chat.completion",
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/),
      created: expect.any(Number),
      model: "llama-3-8b",
      system_fingerprint: expectedFingerprint("llama-3-8b", "7", "Hello there"),
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "token-1 token-2 token-3" },
          logprobs: null,
          finish_reason: "length",
        },
      ],
      // "Hello there" has 11 characters: ceil(11 / 4) = 3.
      usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
    });
  });

  test("streams the role, then a token an event, then the usage that was asked for, then [DONE]", async () => {
    const answer = await post(`${await chatServer()}/v1/chat/completions`, {
      ...hello,
      max_completion_tokens: 2,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = eventsOf(await answer.text());
    expect(events.pop()).toBe("[DONE]");
    const chunks = events.map((event) => JSON.parse(event) as { id: string });
    const common = {
      object: "chat.completion.chunk",
      id: chunks[0]?.id,
      created: expect.any(Number),
      model: "llama-3-8b",
      system_fingerprint: expect.any(String),
    };
    const choice = (delta: object, finish: string | null) => ({
      ...common,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    });
    expect(chunks).toEqual([
      choice({ role: "assistant", content: "" }, null),
      choice({ content: "token-1" }, null),
      choice({ content: " token-2" }, "length"),
      { ...common, choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
    ]);
  });

  test("streams no usage where none was asked for", async () => {
    const answer = await post(`${await chatServer()}/v1/chat/completions`, {
      ...hello,
      max_tokens: 1,
      stream: true,
    });
    const text = await answer.text();
    expect(eventsOf(text)).toHaveLength(3);
    expect(text).not.toContain("usage");
  });

  test("generates 256 tokens by default, fewer where the model's length ends", async () => {
    const url = `${await chatServer()}/v1/chat/completions`;
    const usageOf = async (content: string) => {
      const answer = await post(url, { ...hello, messages: [{ role: "user", content }] });
      return ((await answer.json()) as { usage: { completion_tokens: number } }).usage.completion_tokens;
    };
    expect(await usageOf("Hi")).toBe(256);
    // 3,600 characters are 900 tokens of 1,000.
    expect(await usageOf("long".repeat(900))).toBe(100);
  });

  test("ends before a stop string", async () => {
    const url = `${await chatServer()}/v1/chat/completions`;
    const answer = await post(url, { ...hello, max_tokens: 100, stop: ["never", " token-3"] });
    expect(await answer.json()).toMatchObject({
      choices: [{ message: { content: "token-1 token-2" }, finish_reason: "stop" }],
      usage: { completion_tokens: 3 },
    });
    const stream = await post(url, { ...hello, max_tokens: 100, stop: " token-3", stream: true });
    const events = eventsOf(await stream.text());
    expect(events.map((event) => /"finish_reason":("\w+"|null)/.exec(event)?.[1])).toEqual([
      "null",
      "null",
      "null",
      '"stop"',
      undefined,
    ]);
  });

  test("reads text parts and counts all messages", async () => {
    const answer = await post(`${await chatServer()}/v1/chat/completions`, {
      model: "llama-3-8b",
      max_tokens: 1,
      messages: [
        { role: "system", content: "12345678" },
        {
          role: "user",
          content: [
            { type: "text", text: "1234" },
            { type: "text", text: "5" },
          ],
        },
      ],
    });
    // ceil((8 + 5) / 4)
    expect(await answer.json()).toMatchObject({ usage: { prompt_tokens: 4 } });
  });
});

describe("completions", () => {
  test("answer a prompt", async () => {
    const answer = await post(`${await chatServer()}/v1/completions`, {
      model: "llama-3-8b",
      prompt: "Once upon a time",
      max_tokens: 2,
    });
    expect(await answer.json()).toMatchObject({
      object: "text_completion",
      id: expect.stringMatching(/^cmpl-/),
      choices: [{ index: 0, text: "token-1 token-2", logprobs: null, finish_reason: "length" }],
      usage: { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 },
    });
  });

  test("stream without a role and count token ids as they are", async () => {
    const answer = await post(`${await chatServer()}/v1/completions`, {
      model: "llama-3-8b",
      prompt: [[1, 2, 3, 4, 5]],
      max_tokens: 1,
      stream: true,
      stream_options: { include_usage: true },
    });
    const [token, usage, done] = eventsOf(await answer.text());
    expect(JSON.parse(present(token))).toMatchObject({
      object: "text_completion",
      choices: [{ index: 0, text: "token-1", finish_reason: "length" }],
    });
    expect(JSON.parse(present(usage))).toMatchObject({ choices: [], usage: { prompt_tokens: 5 } });
    expect(done).toBe("[DONE]");
  });
});

describe("refusals", () => {
  test.each([
    ["text that is not JSON", "{", 400, "BadRequestError", null],
    ["an unknown model", { ...hello, model: "gpt-9" }, 404, "NotFoundError", "model"],
    ["no model", { messages: hello.messages }, 400, "BadRequestError", "model"],
    ["no messages", { model: "llama-3-8b", messages: [] }, 400, "BadRequestError", "messages"],
    [
      "a message without a role",
      { ...hello, messages: [{ content: "x" }] },
      400,
      "BadRequestError",
      "messages",
    ],
    ["max_tokens of 0", { ...hello, max_tokens: 0 }, 400, "BadRequestError", "max_tokens"],
    [
      "more tokens than the model's length",
      { ...hello, max_tokens: 998 },
      400,
      "BadRequestError",
      "max_tokens",
    ],
    ["a hundred stop strings", { ...hello, stop: Array(100).fill("x") }, 400, "BadRequestError", "stop"],
    ["a stop that is no text", { ...hello, stop: 7 }, 400, "BadRequestError", "stop"],
    ["several answers", { ...hello, n: 2 }, 400, "BadRequestError", "n"],
    ["a stream that is no boolean", { ...hello, stream: "yes" }, 400, "BadRequestError", "stream"],
    ["a body above 16 MiB", " ".repeat(maxBodyBytes + 1), 413, "RequestEntityTooLargeError", null],
  ])("%s", async (_, body, status, type, param) => {
    const answer = await post(`${await chatServer()}/v1/chat/completions`, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({
      error: { message: expect.any(String), type, param, code: status },
    });
  });

  test("a prompt that leaves no room", async () => {
    const messages = [{ role: "user", content: "long".repeat(1_000) }];
    const answer = await post(`${await chatServer()}/v1/chat/completions`, { ...hello, messages });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { param: "prompt" } }]);
  });

  test("an unknown path, and another method", async () => {
    const url = await chatServer();
    expect((await fetch(`${url}/v1/chat/completions`)).status).toBe(405);
    expect((await fetch(`${url}/constructor`)).status).toBe(404);
  });
});

describe("the server", () => {
  test("lists its model and is healthy", async () => {
    const url = await chatServer();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({
      object: "list",
      data: [{ id: "llama-3-8b", object: "model", owned_by: "vllm", max_model_len: 1_000 }],
    });
  });

  test("counts under vLLM's names", async () => {
    const url = await chatServer();
    await post(`${url}/v1/chat/completions`, { ...hello, max_tokens: 5 });
    const label = `{model_name="llama-3-8b"}`;
    expect(await metric(url, `vllm:num_requests_running${label}`)).toBe(0);
    expect(await metric(url, `vllm:num_requests_waiting${label}`)).toBe(0);
    expect(await metric(url, `vllm:prompt_tokens_total${label}`)).toBe(3);
    expect(await metric(url, `vllm:generation_tokens_total${label}`)).toBe(5);
    expect(await metric(url, `vllm:time_to_first_token_seconds_count${label}`)).toBe(1);
    expect(await metric(url, `vllm:inter_token_latency_seconds_count${label}`)).toBe(4);
    expect(await metric(url, `vllm:e2e_request_latency_seconds_count${label}`)).toBe(1);
    expect(
      await metric(url, `vllm:request_success_total{model_name="llama-3-8b",finished_reason="length"}`),
    ).toBe(1);
  });

  test("gives the place of a client that went away to the next, and refuses beyond its queue", async () => {
    // A prompt takes 0.5 ms to read, a further token an hour.
    const model = chatModel({ parameters: { ...endless, gammaMs: 0.5 } });
    const group = chatGroup({ models: [model], maxBatchSize: 1 });
    const url = await startedGroup({ group, loading: "preload", protocol: "openai" });
    const path = `${url}/v1/chat/completions`;
    const waiting = () => metric(url, `vllm:num_requests_waiting{model_name="llama-3-8b"}`);
    const client = new AbortController();
    const send = () => post(path, { ...hello, stream: true }, client.signal);
    const running = await send();
    // Headers come with the admission to the queue, before any token.
    expect(running.status).toBe(200);
    const queued = Array.from({ length: 10 }, () => send().then(({ status }) => status));
    await eventually(waiting, (count) => count === 10);
    const refused = await post(path, hello);
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      { error: { type: "ServiceUnavailableError" } },
    ]);
    expect(new Set(await Promise.all(queued))).toEqual(new Set([200]));
    client.abort();
    expect(await eventually(waiting, (count) => count === 0)).toBe(0);
    const aborted = `vllm:request_success_total{model_name="llama-3-8b",finished_reason="abort"}`;
    expect(
      await eventually(
        () => metric(url, aborted),
        (count) => count === 11,
      ),
    ).toBe(11);
  });

  test("lets a running sequence go at the next iteration when its client goes away", async () => {
    const group = chatGroup({ maxBatchSize: 1, models: [chatModel({ maxSequenceTokens: 10_000_000 })] });
    const url = await startedGroup({ group, loading: "preload", protocol: "openai" });
    const running = () => metric(url, `vllm:num_requests_running{model_name="llama-3-8b"}`);
    const client = new AbortController();
    const body = { ...hello, max_tokens: 100_000, stream: true };
    const endlessChat = await post(`${url}/v1/chat/completions`, body, client.signal);
    expect(await running()).toBe(1);
    client.abort();
    await expect(endlessChat.text()).rejects.toThrow();
    expect(await eventually(running, (count) => count === 0)).toBe(0);
    expect((await post(`${url}/v1/chat/completions`, { ...hello, max_tokens: 1 })).status).toBe(200);
  });
});

describe("generated text", () => {
  test("is cut at the earliest of several stop strings, also one across tokens", () => {
    expect(generateText(10, ["en-2", "1 tok"])).toEqual({
      tokens: ["token-1".slice(0, 6), ""],
      finishReason: "stop",
    });
  });

  test("is cut where a search over the whole text says, whatever the stop strings", () => {
    const whole = generateText(30, []).tokens.join("");
    const stops = fc.array(
      fc
        .tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 20 }))
        .map(([at, length]) => whole.slice(at, at + length)),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(stops, (stopStrings) => {
        const { tokens } = generateText(30, stopStrings);
        // Generation ends with the token that completes a stop string; the text then ends before the earliest in it.
        const ends = stopStrings.map((stop) => whole.indexOf(stop) + stop.length);
        const generated = generateText(tokens.length, []).tokens.join("");
        expect(generated.length).toBeGreaterThanOrEqual(Math.min(...ends));
        expect(generateText(tokens.length - 1, []).tokens.join("").length).toBeLessThan(Math.min(...ends));
        const starts = stopStrings.map((stop) => generated.indexOf(stop)).filter((start) => start >= 0);
        expect(tokens.join("")).toBe(whole.slice(0, Math.min(...starts)));
      }),
    );
  });

  test("may be empty", () => {
    expect(generateText(10, ["t"])).toEqual({ tokens: [""], finishReason: "stop" });
  });
});
