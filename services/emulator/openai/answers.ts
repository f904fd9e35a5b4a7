import { randomUUID } from "node:crypto";

export type GenerationKind = "chat" | "completion";

/** What all parts of one answer have in common. */
export interface AnswerHead {
  readonly id: string;
  /** Unix time in seconds. */
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export type FinishReason = "length" | "stop";

export function answerHead(kind: GenerationKind, model: string, fingerprint: string): AnswerHead {
  return {
    id: `${kind === "chat" ? "chatcmpl" : "cmpl"}-${randomUUID().replaceAll("-", "")}`,
    created: Math.floor(Date.now() / 1000),
    model,
    system_fingerprint: fingerprint,
  };
}

export function usageOf(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** The answer to a request that does not stream. */
export function wholeAnswer(
  kind: GenerationKind,
  head: AnswerHead,
  text: string,
  finishReason: FinishReason,
  usage: Usage,
): object {
  const choice =
    kind === "chat"
      ? {
          index: 0,
          message: { role: "assistant", content: text },
          logprobs: null,
          finish_reason: finishReason,
        }
      : { index: 0, text, logprobs: null, finish_reason: finishReason };
  return {
    object: kind === "chat" ? "chat.completion" : "text_completion",
    ...head,
    choices: [choice],
    usage,
  };
}

/** First event of a chat stream: who speaks. */
export function roleEvent(head: AnswerHead): string {
  return chunkEvent("chat", head, [
    { index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null },
  ]);
}

/** One token; the last one carries the finish reason. */
export function tokenEvent(
  kind: GenerationKind,
  head: AnswerHead,
  text: string,
  finishReason: FinishReason | null,
): string {
  const content = kind === "chat" ? { delta: { content: text } } : { text };
  return chunkEvent(kind, head, [{ index: 0, ...content, logprobs: null, finish_reason: finishReason }]);
}

/** The event before the end where the request asked for usage. */
export function usageEvent(kind: GenerationKind, head: AnswerHead, usage: Usage): string {
  return chunkEvent(kind, head, [], usage);
}

export const doneEvent = "data: [DONE]\n\n";

function chunkEvent(
  kind: GenerationKind,
  head: AnswerHead,
  choices: readonly object[],
  usage?: Usage,
): string {
  const object = kind === "chat" ? "chat.completion.chunk" : "text_completion";
  return `data: ${JSON.stringify({ object, ...head, choices, ...(usage === undefined ? {} : { usage }) })}\n\n`;
}
