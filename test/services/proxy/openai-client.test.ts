import OpenAI, {
  APIConnectionTimeoutError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  type ClientOptions,
} from "openai";
import { describe, expect, it, onTestFinished } from "vitest";
import type { RouteModel, RouteServer } from "../../../platform/routes/routing-table.ts";
import { startEmulatedGroup } from "../../../services/emulator/emulator.ts";
import type { CredentialAuth, ProxyOptions } from "../../../services/proxy/proxy-options.ts";
import { chatGroup } from "../emulator/groups.ts";
import { deadUrl, json, startEngine, startTestProxy, table, target, vllmServer } from "./testbed.ts";
import { startApiEngine, startSilentEngine, tokensFile } from "./openai-engine.ts";

const messages = [{ role: "user" as const, content: "one two three" }];

/** The model of the emulator and of `chatServer`. */
const model = "llama-3-8b";

function chatServer(endpoints: readonly string[], changes: Partial<RouteModel> = {}): RouteServer {
  const versions = [{ version: "7", weight: 100, targets: [target(endpoints)] }];
  return vllmServer([], { models: [{ name: model, versions, ...changes }] });
}

interface ClientBed {
  readonly client: OpenAI;
  readonly baseURL: string;
}

/** OpenAI's own client before a proxy, with nothing changed but the base URL; it retries only where a test says so. */
async function startClient(
  server: RouteServer,
  { proxy = {}, client = {} }: { proxy?: Partial<ProxyOptions>; client?: ClientOptions } = {},
): Promise<ClientBed> {
  const { url } = await startTestProxy(table(server), proxy);
  const baseURL = `${url}/v1`;
  return { client: new OpenAI({ baseURL, apiKey: "any", maxRetries: 0, ...client }), baseURL };
}

async function startEmulator(): Promise<readonly string[]> {
  const group = await startEmulatedGroup({ group: chatGroup(), loading: "preload", protocol: "openai" });
  onTestFinished(() => group.close());
  return group.endpoints;
}

/** What a call is rejected with. */
async function errorOf(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call was not rejected");
}

describe("OpenAI's client before the emulator", () => {
  it("chats, and learns the usage and the id of its request", async () => {
    const { client } = await startClient(chatServer(await startEmulator()));
    const answer = await client.chat.completions.create({ model, messages, max_tokens: 5 });
    expect(answer.choices[0]?.message).toMatchObject({
      role: "assistant",
      content: "token-1 token-2 token-3 token-4 token-5",
    });
    expect(answer.usage).toMatchObject({ completion_tokens: 5 });
    expect(answer._request_id).toMatch(/\S/);
  });

  it("streams a chat token by token, with the usage in the end", async () => {
    const { client } = await startClient(chatServer(await startEmulator()));
    const stream = await client.chat.completions.create({
      model,
      messages,
      max_tokens: 5,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const contents = chunks.flatMap(({ choices: [choice] }) => choice?.delta.content || []);
    expect(contents).toHaveLength(5);
    expect(contents.join("")).toBe("token-1 token-2 token-3 token-4 token-5");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 5 } });
  });

  it("collects a stream by its helper", async () => {
    const { client } = await startClient(chatServer(await startEmulator()));
    const stream = client.chat.completions.stream({ model, messages, max_tokens: 3 });
    const answer = await stream.finalChatCompletion();
    expect(answer.choices[0]).toMatchObject({
      finish_reason: "length",
      message: { content: "token-1 token-2 token-3" },
    });
  });

  it("completes a prompt, whole and as a stream", async () => {
    const { client } = await startClient(chatServer(await startEmulator()));
    const asked = { model, prompt: "one two", max_tokens: 2 };
    expect((await client.completions.create(asked)).choices[0]?.text).toBe("token-1 token-2");
    const texts = [];
    for await (const { choices } of await client.completions.create({ ...asked, stream: true })) {
      texts.push(choices[0]?.text ?? "");
    }
    expect(texts.join("")).toBe("token-1 token-2");
  });

  it("gets the engine's refusals as they are", async () => {
    const { client } = await startClient(chatServer(await startEmulator()));
    const error = await errorOf(client.chat.completions.create({ model, messages: [] }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect((error as BadRequestError).message).toMatch(/messages/);
  });
});

describe("OpenAI's client before an engine of the whole API", () => {
  it("embeds texts, in its own encoding of numbers", async () => {
    const engine = await startApiEngine();
    const { client } = await startClient(chatServer([engine.url]));
    const answer = await client.embeddings.create({ model, input: ["one", "three"] });
    expect(answer.data.map(({ embedding }) => embedding)).toEqual([
      [3, 0.5],
      [5, 0.5],
    ]);
    expect(JSON.parse(engine.received[0]?.body.toString() ?? "")).toMatchObject({
      encoding_format: "base64",
    });
    const plain = await client.embeddings.create({ model, input: "one", encoding_format: "float" });
    expect(plain.data[0]?.embedding).toEqual([3, 0.5]);
  });

  it("gets a response, whole and event by event", async () => {
    const { client, baseURL } = await startClient(chatServer([(await startApiEngine()).url]));
    const answer = await client.responses.create({ model, input: "hello" });
    expect(answer.output_text).toBe("you said hello");
    const types = [];
    let text = "";
    for await (const event of await client.responses.create({ model, input: "hello", stream: true })) {
      types.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    expect(text).toBe("you said hello");
    expect([types[0], types.at(-1)]).toEqual(["response.created", "response.completed"]);
    const measured = await (await fetch(baseURL.replace("/v1", "/metrics"))).text();
    // Three of either answer, by the usage report.
    expect(measured).toMatch(/^inference_output_tokens_total\{.*\} 6$/m);
    expect(measured).toMatch(/^inference_input_tokens_total\{.*\} 4$/m);
  });

  it("lists the models and retrieves one, also with a slash in its name", async () => {
    const name = "meta-llama/Llama-3-8B";
    const { client } = await startClient(chatServer([], { name }));
    const names = [];
    for await (const { id } of client.models.list()) names.push(id);
    expect(names).toEqual([name]);
    expect(await client.models.retrieve(name)).toMatchObject({ id: name, object: "model" });
    expect(await errorOf(client.models.retrieve("unknown"))).toBeInstanceOf(NotFoundError);
  });

  it("chooses the service class by a header of its own", async () => {
    const engine = await startApiEngine();
    const headers = { "x-service-class": "Unheard" };
    const { client } = await startClient(chatServer([engine.url]));
    const error = await errorOf(client.embeddings.create({ model, input: "one" }, { headers }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: "SERVICE_CLASS_UNKNOWN" });
  });
});

describe("errors of the proxy in OpenAI's client", () => {
  it("are its class for an unknown model, with OpenAI's own code", async () => {
    const { client } = await startClient(chatServer([]));
    const error = await errorOf(client.chat.completions.create({ model: "unknown", messages }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ status: 404, code: "model_not_found", type: "invalid_request_error" });
    expect((error as NotFoundError).requestID).toMatch(/\S/);
  });

  it("are its class for a path that the proxy does not have", async () => {
    const { client } = await startClient(chatServer([]));
    expect(await errorOf(client.moderations.create({ input: "x" }))).toBeInstanceOf(NotFoundError);
    expect(await errorOf(client.responses.retrieve("resp_1"))).toBeInstanceOf(NotFoundError);
  });

  it("are its class for a caller who may not use the model, who does not see it either", async () => {
    const { client } = await startClient(chatServer([await deadUrl()], { allow: { users: ["jane"] } }));
    const error = await errorOf(client.chat.completions.create({ model, messages }));
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, code: "NOT_ALLOWED" });
    expect((await client.models.list()).data).toEqual([]);
  });

  it.each([
    ["no running replica", () => [], 503, "NO_ENDPOINT"],
    ["an engine that is gone", async () => [await deadUrl()], 502, "ENGINE_UNREACHABLE"],
  ])("are its class for %s", async (_what, endpoints, status, code) => {
    const { client } = await startClient(chatServer(await endpoints()));
    const error = await errorOf(client.chat.completions.create({ model, messages }));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status, code });
  });

  it("are its class where a stream breaks off", async () => {
    const engine = await startEngine((_received, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: {"choices":[{"index":0,"delta":{"content":"one"}}]}\n\n`, () =>
        response.destroy(),
      );
    });
    const { client } = await startClient(chatServer([engine.url]));
    const contents: unknown[] = [];
    const reading = async (): Promise<void> => {
      const stream = await client.chat.completions.create({ model, messages, stream: true });
      for await (const { choices } of stream) contents.push(choices[0]?.delta.content);
    };
    expect(await errorOf(reading())).toMatchObject({ code: "ENGINE_FAILED" });
    expect(contents).toEqual(["one"]);
  });

  it("tell it when to come again, and it does by itself", async () => {
    const engine = await startApiEngine();
    const server = chatServer([engine.url], { rate: { requestsPerMinute: 60 } });
    const { client, baseURL } = await startClient(server);
    const ask = (by: OpenAI) => by.embeddings.create({ model, input: "one" });
    let error: unknown;
    while (error === undefined) await ask(client).catch((thrown: unknown) => (error = thrown));
    expect(error).toBeInstanceOf(RateLimitError);
    expect((error as RateLimitError).headers.get("retry-after")).toBe("1");
    expect(error).toMatchObject({ status: 429, code: "RATE_LIMITED" });
    const patient = new OpenAI({ baseURL, apiKey: "any" });
    expect((await ask(patient)).data).toHaveLength(1);
  });

  it("and the engine's are not seen where another try helps", async () => {
    let asked = 0;
    const engine = await startEngine((_received, response) => {
      if (++asked === 1) response.writeHead(503, { "retry-after": "0" }).end();
      else json(response, 200, { object: "chat.completion", choices: [] });
    });
    const { client } = await startClient(chatServer([engine.url]), { client: { maxRetries: 1 } });
    expect(await client.chat.completions.create({ model, messages })).toMatchObject({ choices: [] });
    expect(asked).toBe(2);
  });
});

describe("an API key of OpenAI's client", () => {
  const apiKey = "a-token-of-a-batch-job-0123456789";

  async function takenAndNoOther(auth: Omit<CredentialAuth, "kind">): Promise<void> {
    const engine = await startApiEngine();
    const { client, baseURL } = await startClient(chatServer([engine.url]), {
      proxy: { auth: { kind: "credentials", ...auth } },
      client: { apiKey },
    });
    expect((await client.embeddings.create({ model, input: "one" })).data).toHaveLength(1);
    expect((await client.models.list()).data).toHaveLength(1);
    const stranger = new OpenAI({ baseURL, apiKey: "a-token-that-nobody-has-0123456789", maxRetries: 0 });
    const error = await errorOf(stranger.embeddings.create({ model, input: "one" }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: "CREDENTIAL_REFUSED" });
    expect(await errorOf(stranger.models.list())).toBeInstanceOf(AuthenticationError);
    expect(engine.received.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  }

  it("is a service's token, which the engine does not get", async () => {
    await takenAndNoOther({ token: { file: await tokensFile(apiKey) } });
  });

  it("is Domino's token, which the engine does not get", async () => {
    const host = await startEngine(({ headers }, response) => {
      const known = headers.authorization === `Bearer ${apiKey}`;
      json(response, 200, { isAnonymous: !known, canonicalName: known ? "jane" : undefined });
    });
    await takenAndNoOther({ domino: { hostUrl: host.url } });
    expect(host.received[0]?.url).toBe("/v4/auth/principal");
  });
});

describe("a call that OpenAI's client gives up", () => {
  const asked = { model, messages };

  it("by its time limit ends at the engine", async () => {
    const engine = await startSilentEngine();
    const { client } = await startClient(chatServer([engine.url]));
    const error = await errorOf(client.chat.completions.create(asked, { timeout: 100 }));
    expect(error).toBeInstanceOf(APIConnectionTimeoutError);
    await engine.closed;
  });

  it("by a signal ends at the engine", async () => {
    const engine = await startSilentEngine();
    const { client } = await startClient(chatServer([engine.url]));
    const controller = new AbortController();
    const call = errorOf(client.chat.completions.create(asked, { signal: controller.signal }));
    await engine.asked;
    controller.abort();
    expect(await call).toBeInstanceOf(APIUserAbortError);
    await engine.closed;
  });

  it("in the middle of a stream ends at the engine", async () => {
    const engine = await startSilentEngine(`data: {"choices":[{"index":0,"delta":{"content":"one"}}]}\n\n`);
    const { client } = await startClient(chatServer([engine.url]));
    for await (const { choices } of await client.chat.completions.create({ ...asked, stream: true })) {
      expect(choices[0]?.delta.content).toBe("one");
      break;
    }
    await engine.closed;
  });
});
