import { expect, test } from "vitest";
import { ask, type ServerUnderTest } from "./server-under-test.ts";

/** What servers of the protocol do differently. */
export interface OpenAiTraits {
  /**
   * Where the fields of an error are: in `error`, as OpenAI's own API and vLLM have it, or at the top of the body, as
   * Dynamo's frontend has it.
   */
  readonly errorIn: "error" | "body";
  /**
   * The same for errors of the engine behind a proxy.
   * @default as `errorIn`
   */
  readonly engineErrorIn?: "error" | "body";
}

/** The one model of every server under test. */
export const chatModelName = "llama-3-8b";

const outputTokens = 5;
const chat = {
  model: chatModelName,
  messages: [{ role: "user", content: "word1 word2 word3" }],
  max_tokens: outputTokens,
};
const completion = { model: chatModelName, prompt: "word1 word2", max_tokens: outputTokens };
const usage = {
  prompt_tokens: expect.any(Number) as number,
  completion_tokens: outputTokens,
  total_tokens: expect.any(Number) as number,
};

interface StreamChunk {
  readonly object: string;
  readonly model: string;
  readonly id: string;
  readonly usage?: Record<string, number> | null;
  readonly choices: readonly {
    readonly delta?: { readonly role?: string; readonly content?: string | null };
    readonly text?: string;
    readonly finish_reason?: string | null;
  }[];
}

/** The OpenAI API over HTTP with one model; `server` is asked when a test runs, after the suite has started it. */
export function openAiContract(server: () => ServerUnderTest, traits: OpenAiTraits): void {
  const post = (path: string, body: unknown) => ask(server(), "POST", path, body);

  test("lists its model", async () => {
    expect(await ask(server(), "GET", "/v1/models")).toMatchObject({
      status: 200,
      json: { object: "list", data: [{ id: chatModelName, object: "model" }] },
    });
  });

  test("answers a chat with as many tokens as asked, and says how many there were", async () => {
    const answer = await post("/v1/chat/completions", chat);
    expect(answer).toMatchObject({
      status: 200,
      contentType: "application/json",
      json: {
        object: "chat.completion",
        model: chatModelName,
        choices: [
          {
            index: 0,
            message: { role: "assistant", content: expect.stringMatching(/\S/) as string },
            finish_reason: "length",
          },
        ],
        usage,
      },
    });
    const { prompt_tokens, completion_tokens, total_tokens } = answer.json.usage;
    expect(total_tokens).toBe(prompt_tokens + completion_tokens);
    expect(answer.json.id).toMatch(/^chatcmpl-/);
  });

  test("answers a completion", async () => {
    expect(await post("/v1/completions", completion)).toMatchObject({
      status: 200,
      json: {
        object: "text_completion",
        model: chatModelName,
        choices: [{ index: 0, text: expect.stringMatching(/\S/) as string, finish_reason: "length" }],
        usage,
      },
    });
  });

  test.each([
    ["chat", "/v1/chat/completions", chat, "chat.completion.chunk"],
    ["completion", "/v1/completions", completion, "text_completion"],
  ])("streams a %s token by token, with the usage before the end", async (_, path, body, object) => {
    const answer = await post(path, { ...body, stream: true, stream_options: { include_usage: true } });
    expect(answer.status).toBe(200);
    expect(answer.contentType).toMatch(/^text\/event-stream/);
    const chunks = chunksOf(answer.text);
    expect(new Set(chunks.map((chunk) => chunk.object))).toEqual(new Set([object]));
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    const texts = chunks.flatMap(({ choices: [choice] }) => choice?.delta?.content || choice?.text || []);
    expect(texts).toHaveLength(outputTokens);
    const reasons = chunks.flatMap(({ choices: [choice] }) => choice?.finish_reason ?? []);
    expect(reasons).toEqual(["length"]);
    if (object === "chat.completion.chunk") {
      const roles = chunks.map(({ choices: [choice] }) => choice?.delta?.role);
      expect([roles[0], roles.filter((role) => role !== undefined)]).toEqual(["assistant", ["assistant"]]);
    }
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
  });

  test("streams without usage where it was not asked for", async () => {
    const chunks = chunksOf((await post("/v1/chat/completions", { ...chat, stream: true })).text);
    expect(chunks.some((chunk) => (chunk.usage ?? null) !== null)).toBe(false);
    expect(chunks.flatMap(({ choices }) => choices)).not.toHaveLength(0);
  });

  test.each([
    ["an unknown model", { ...chat, model: "unknown" }, 404, traits.errorIn],
    ["text that is not JSON", "{", 400, traits.errorIn],
    ["no token at all", { ...chat, max_tokens: 0 }, 400, traits.engineErrorIn ?? traits.errorIn],
    ["no messages", { ...chat, messages: [] }, 400, traits.engineErrorIn ?? traits.errorIn],
  ])("refuses %s with a message, a type and a code", async (_, body, status, errorIn) => {
    const answer = await post("/v1/chat/completions", body);
    expect(answer.status).toBe(status);
    const error = errorIn === "error" ? answer.json.error : answer.json;
    expect(error).toMatchObject({
      message: expect.stringMatching(/\S/) as string,
      type: expect.stringMatching(/\S/) as string,
    });
    // A number at the engines, the name of the failure at the proxy.
    expect(["number", "string"]).toContain(typeof error.code);
  });

  test("takes a chat by POST only", async () => {
    expect((await ask(server(), "GET", "/v1/chat/completions")).status).toBe(405);
  });
}

/** The JSON of every event of a stream, which must end with `[DONE]`. */
function chunksOf(stream: string): readonly StreamChunk[] {
  const events = stream.split("\n\n").filter((event) => event !== "");
  expect(events.at(-1)).toBe("data: [DONE]");
  return events.slice(0, -1).map((event) => {
    expect(event).toMatch(/^data: /);
    return JSON.parse(event.slice("data: ".length)) as StreamChunk;
  });
}
