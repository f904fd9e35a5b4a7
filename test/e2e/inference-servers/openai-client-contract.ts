import OpenAI, { AuthenticationError, NotFoundError } from "openai";
import { expect } from "vitest";
import { chatModelName } from "./openai-contract.ts";

const asked = {
  model: chatModelName,
  messages: [{ role: "user" as const, content: "word1 word2 word3" }],
  max_tokens: 5,
};

/** OpenAI's own client against a server that takes one key alone. */
export async function openAiClientContract(baseURL: string, apiKey: string): Promise<void> {
  const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  const answer = await client.chat.completions.create(asked);
  expect(answer.choices[0]?.message.content).toMatch(/\S/);
  expect(answer.usage).toMatchObject({ completion_tokens: 5 });

  const stream = await client.chat.completions.create({
    ...asked,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  expect(chunks.filter(({ choices: [choice] }) => choice?.delta.content)).toHaveLength(5);
  expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens: 5 });

  const completion = await client.completions.create({
    model: chatModelName,
    prompt: "word1",
    max_tokens: 5,
  });
  expect(completion.choices[0]?.text).toMatch(/\S/);

  expect((await client.models.list()).data.map(({ id }) => id)).toEqual([chatModelName]);
  expect(await client.models.retrieve(chatModelName)).toMatchObject({ id: chatModelName });
  const unknown = client.chat.completions.create({ ...asked, model: "unknown" });
  await expect(unknown).rejects.toBeInstanceOf(NotFoundError);

  const stranger = new OpenAI({ baseURL, apiKey: "a-token-that-nobody-has-0123456789", maxRetries: 0 });
  await expect(stranger.chat.completions.create(asked)).rejects.toBeInstanceOf(AuthenticationError);
  await expect(stranger.models.list()).rejects.toBeInstanceOf(AuthenticationError);
}
