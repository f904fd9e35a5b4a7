/** End of an answer that is searched for token counts, in bytes; they follow the generated text. */
export const usageTailBytes = 8 * 1024;

export interface TokenUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

/**
 * Finds the token counts in the text of an OpenAI answer, by the names of completions or of responses. Inside generated
 * text the quotes would be escaped, so the text of a model cannot pass for a count.
 */
export function tokenUsage(text: string): TokenUsage {
  const input = /"(?:prompt|input)_tokens"\s*:\s*(\d{1,9})/.exec(text)?.[1];
  const output = /"(?:completion|output)_tokens"\s*:\s*(\d{1,9})/.exec(text)?.[1];
  return {
    ...(input && { inputTokens: Number(input) }),
    ...(output && { outputTokens: Number(output) }),
  };
}
