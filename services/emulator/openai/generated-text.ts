import { createHash } from "node:crypto";

/** What a request generates, known before the first token: the emulator has no model to ask. */
export interface GeneratedText {
  /** Text of each token in order; joined they are the answer. A token that a stop string swallowed is empty. */
  readonly tokens: readonly string[];
  /** `length`: all tokens were wanted. `stop`: a stop string ended it. */
  readonly finishReason: "length" | "stop";
}

/**
 * The words `token-1 token-2 …`, one a token. Generation ends after `maxTokens` tokens, or with the token that completes
 * one of the stop strings; the text then ends before that string, as in the OpenAI API.
 */
export function generateText(maxTokens: number, stopStrings: readonly string[]): GeneratedText {
  const tokens: string[] = [];
  const longestStop = stopStrings.reduce((longest, { length }) => Math.max(longest, length), 0);
  /** End of the text before the token, as far as a stop string that ends in the token can reach back. */
  let tail = "";
  let textLength = 0;
  for (let index = 1; index <= maxTokens; index++) {
    const token = index === 1 ? "token-1" : ` token-${index}`;
    tokens.push(token);
    const window = tail + token;
    const stopAt = earliest(window, stopStrings);
    if (stopAt !== undefined) {
      return { tokens: cutAt(tokens, textLength - tail.length + stopAt), finishReason: "stop" };
    }
    textLength += token.length;
    tail = longestStop > 1 ? window.slice(1 - longestStop) : "";
  }
  return { tokens, finishReason: "length" };
}

/**
 * Tells which model, version and prompt an answer belongs to, where the text is the same for all: the
 * `system_fingerprint` of the answer. A client can so prove that no answers were mixed up on the way.
 */
export function expectedFingerprint(model: string, version: string, prompt: string): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([model, version, prompt]))
    .digest("hex");
  return `emulated-v${version}-${hash.slice(0, 12)}`;
}

/** Where the first of several strings begins in a text. */
function earliest(text: string, strings: readonly string[]): number | undefined {
  const positions = strings.map((string) => text.indexOf(string)).filter((position) => position >= 0);
  return positions.length === 0 ? undefined : Math.min(...positions);
}

function cutAt(tokens: readonly string[], length: number): readonly string[] {
  let left = length;
  return tokens.map((token) => {
    const kept = token.slice(0, left);
    left -= kept.length;
    return kept;
  });
}
