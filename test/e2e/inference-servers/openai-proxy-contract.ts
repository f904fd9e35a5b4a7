import { expect, test } from "vitest";
import { chatModelName } from "./openai-contract.ts";
import { ask, type ServerUnderTest } from "./server-under-test.ts";

const messages = [{ role: "user", content: "word1 word2 word3" }];

/** What the proxy adds to an OpenAI engine: `/predict`, and the count of tokens. */
export function openAiProxyContract(proxy: () => ServerUnderTest): void {
  const predict = (payload: object) =>
    ask(proxy(), "POST", "/predict", {
      inference_server_name: "chat",
      model_name: chatModelName,
      payload,
    });

  test("/predict takes a chat, and adds the model to its payload", async () => {
    expect(await predict({ messages, max_tokens: 3 })).toMatchObject({
      status: 200,
      json: {
        status_code: 200,
        result: {
          object: "chat.completion",
          model: chatModelName,
          choices: [{ message: { role: "assistant" }, finish_reason: "length" }],
          usage: { completion_tokens: 3 },
        },
      },
    });
  });

  test("/predict takes a completion", async () => {
    expect(await predict({ prompt: "word1", max_tokens: 3 })).toMatchObject({
      status: 200,
      json: { result: { object: "text_completion", usage: { completion_tokens: 3 } } },
    });
  });

  test("/predict hands on the engine's refusal", async () => {
    const answer = await predict({ messages: [], max_tokens: 3 });
    expect(answer).toMatchObject({ status: 400, json: { status_code: 400 } });
    expect(JSON.stringify(answer.json.result)).toMatch(/message/);
  });

  test.each([true, false])("counts the tokens of streams, with a usage report: %s", async (include_usage) => {
    const before = await tokens(proxy());
    await ask(proxy(), "POST", "/v1/chat/completions", {
      model: chatModelName,
      messages,
      max_tokens: 7,
      stream: true,
      stream_options: { include_usage },
    });
    const after = await tokens(proxy());
    const output = after.output - before.output;
    // Without the report the events are counted: one a token, and those that carry the role or the finish reason alone.
    if (include_usage) expect(output).toBe(7);
    else expect([7, 8, 9]).toContain(output);
    expect(after.input > before.input).toBe(include_usage);
  });
}

async function tokens({ url }: ServerUnderTest): Promise<{ input: number; output: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const sum = (name: string): number =>
    text
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  return { input: sum("inference_input_tokens_total"), output: sum("inference_output_tokens_total") };
}
