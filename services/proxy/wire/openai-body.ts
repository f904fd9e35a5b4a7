import { ProxyFailure } from "../proxy-failure.ts";
import { decodeString, expectEnd, forEachMember, type JsonSpan } from "./json-bytes.ts";

/** What the proxy has to know of an OpenAI request; everything else stays the engine's. */
export interface OpenAiBody {
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly hasMessages: boolean;
  readonly hasPrompt: boolean;
  readonly hasInput: boolean;
  /** What the model is to read: `messages`, `prompt` or `input`. */
  readonly prompt: JsonSpan | undefined;
}

const readKeys = new Set(["model", "stream", "messages", "prompt", "input"]);

/**
 * Reads the routing keys of an OpenAI request, which is the whole body or the `payload` of a /predict envelope. A key
 * that is read must not occur twice: the engine would take the other one.
 */
export function readOpenAiBody(bytes: Buffer, span?: JsonSpan): OpenAiBody {
  const found = new Map<string, JsonSpan>();
  const end = forEachMember(bytes, span?.start ?? 0, (key, value) => {
    if (key === undefined || !readKeys.has(key)) return;
    if (found.has(key)) throw new ProxyFailure("REQUEST_INVALID", `"${key}" is given twice.`);
    found.set(key, value);
  });
  if (!span) expectEnd(bytes, end);
  else if (end !== span.end) throw new ProxyFailure("BODY_NOT_JSON", "The payload is not valid JSON.");
  const model = found.get("model");
  if (model && model.kind !== "string")
    throw new ProxyFailure("REQUEST_INVALID", `"model" must be a string.`);
  const stream = found.get("stream");
  return {
    model: model && decodeString(bytes, model.start, model.end),
    stream: stream !== undefined && bytes.toString("latin1", stream.start, stream.end) === "true",
    hasMessages: found.has("messages"),
    hasPrompt: found.has("prompt"),
    hasInput: found.has("input"),
    prompt: found.get("messages") ?? found.get("prompt") ?? found.get("input"),
  };
}
