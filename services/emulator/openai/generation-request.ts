import { isObject, parseJson } from "../http/body.ts";

/** Tokens generated where the request does not say. */
const defaultOutputTokens = 256;

/** Every stop string is looked for in every token: without bounds, one request could hold up all others. */
const maxStops = 16;
const maxStopCharacters = 256;

/** A valid chat or completion request. */
export interface GenerationBody {
  readonly model: string;
  /** Contents of all messages joined by line breaks, or the prompt. */
  readonly prompt: string;
  readonly promptTokens: number;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** `param` names the field at fault. */
export type ParsedGeneration =
  | { readonly ok: true; readonly body: GenerationBody }
  | { readonly ok: false; readonly status: 400 | 404; readonly message: string; readonly param?: string };

export interface ModelLimits {
  /** Names that the model answers to. */
  readonly models: readonly string[];
  readonly maxSequenceTokens: number;
}

/**
 * Prompt tokens are a quarter of the characters of all contents, rounded up, at least 1: about what English text has in
 * common vocabularies. Line breaks between messages do not count, nor does a chat template.
 */
export function countPromptTokens(contents: readonly string[]): number {
  const characters = contents.reduce((sum, content) => sum + content.length, 0);
  return Math.max(1, Math.ceil(characters / 4));
}

/** Reads the body of `/v1/chat/completions` or `/v1/completions`. Sampling parameters are accepted and change nothing. */
export function parseGeneration(
  text: string,
  kind: "chat" | "completion",
  limits: ModelLimits,
): ParsedGeneration {
  const json = parseJson(text);
  if (!isObject(json)) return refuse("The request body is not a JSON object.");
  const { model, stream, n } = json;
  if (typeof model !== "string") return refuse("`model` must be a string.", "model");
  if (!limits.models.includes(model)) {
    return { ok: false, status: 404, message: `The model \`${model}\` does not exist.`, param: "model" };
  }
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") {
    return refuse("`stream` must be a boolean.", "stream");
  }
  if (n !== undefined && n !== null && n !== 1) return refuse("`n` above 1 is not emulated.", "n");
  const prompt = kind === "chat" ? chatPrompt(json["messages"]) : completionPrompt(json["prompt"]);
  if (!prompt.ok) return prompt;
  const stop = stopStrings(json["stop"]);
  if (stop === undefined)
    return refuse(
      `\`stop\` must be at most ${maxStops} strings of at most ${maxStopCharacters} characters.`,
      "stop",
    );
  const length = outputTokens(json, prompt.tokens, limits.maxSequenceTokens);
  if (!length.ok) return length;
  const streamOptions = json["stream_options"];
  return {
    ok: true,
    body: {
      model,
      prompt: prompt.text,
      promptTokens: prompt.tokens,
      maxTokens: length.tokens,
      stop,
      stream: stream === true,
      includeUsage: isObject(streamOptions) && streamOptions["include_usage"] === true,
    },
  };
}

type Refusal = Extract<ParsedGeneration, { ok: false }>;
type Prompt = { readonly ok: true; readonly text: string; readonly tokens: number };

function chatPrompt(messages: unknown): Prompt | Refusal {
  if (!Array.isArray(messages) || messages.length === 0) {
    return refuse("`messages` must be a non-empty list.", "messages");
  }
  const contents: string[] = [];
  for (const [index, message] of messages.entries()) {
    const content =
      isObject(message) && typeof message["role"] === "string" ? contentOf(message["content"]) : undefined;
    if (content === undefined)
      return refuse(`messages[${index}] must have a role and a text content.`, "messages");
    contents.push(content);
  }
  return { ok: true, text: contents.join("\n"), tokens: countPromptTokens(contents) };
}

/** Text of a message: a string, a list of text parts, or nothing (an assistant's tool call). */
function contentOf(content: unknown): string | undefined {
  if (content === null || content === undefined) return "";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return undefined;
  const parts = content.map((part: unknown) => (isObject(part) ? part["text"] : undefined));
  return parts.every((part) => typeof part === "string") ? parts.join("") : undefined;
}

function completionPrompt(prompt: unknown): Prompt | Refusal {
  const only: unknown =
    Array.isArray(prompt) && prompt.length === 1 && typeof prompt[0] !== "number" ? prompt[0] : prompt;
  if (typeof only === "string") return { ok: true, text: only, tokens: countPromptTokens([only]) };
  // Token ids are counted as they are.
  if (Array.isArray(only) && only.length > 0 && only.every((id) => Number.isSafeInteger(id))) {
    return { ok: true, text: only.join(" "), tokens: only.length };
  }
  return refuse("`prompt` must be one string or one list of token ids.", "prompt");
}

function stopStrings(stop: unknown): readonly string[] | undefined {
  if (stop === undefined || stop === null) return [];
  const list: readonly unknown[] = Array.isArray(stop) ? stop : [stop];
  const valid = (entry: unknown): entry is string =>
    typeof entry === "string" && entry.length <= maxStopCharacters;
  return list.length <= maxStops && list.every(valid) ? list.filter((entry) => entry !== "") : undefined;
}

function outputTokens(
  json: Record<string, unknown>,
  promptTokens: number,
  maxSequenceTokens: number,
): { readonly ok: true; readonly tokens: number } | Refusal {
  const param = (json["max_completion_tokens"] ?? null) === null ? "max_tokens" : "max_completion_tokens";
  const asked = json[param] ?? undefined;
  if (asked !== undefined && !(Number.isSafeInteger(asked) && (asked as number) >= 1)) {
    return refuse(`\`${param}\` must be an integer of at least 1.`, param);
  }
  const room = maxSequenceTokens - promptTokens;
  const tokens = (asked as number | undefined) ?? Math.min(defaultOutputTokens, Math.max(1, room));
  if (tokens <= room) return { ok: true, tokens };
  return refuse(
    `This model's maximum context length is ${maxSequenceTokens} tokens. However, you requested ${promptTokens + tokens} tokens ` +
      `(${promptTokens} in the prompt, ${tokens} in the completion). Please reduce the length of either.`,
    asked === undefined ? "prompt" : param,
  );
}

function refuse(message: string, param?: string): Refusal {
  return { ok: false, status: 400, message, ...(param === undefined ? {} : { param }) };
}
