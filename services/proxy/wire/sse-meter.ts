const lineFeed = 0x0a;
/** Longest event that is looked into, in bytes. A longer one is counted and passed on, but not searched for usage. */
const maxInspectedBytes = 64 * 1024;

/**
 * Counts the events of an OpenAI token stream while its bytes pass by unchanged. An engine sends one event per token
 * (or per few tokens with speculative decoding), which makes events the measure of TTFT and ITL that needs no
 * knowledge of the tokenizer.
 */
export class SseMeter {
  /** Events with data so far, the final `[DONE]` and a final usage report not counted. */
  events = 0;
  /** From the usage field, where the client asked the engine for it. */
  usage: TokenUsage = {};
  #line: Buffer = Buffer.alloc(0);
  #lineTooLong = false;

  /** Takes the next bytes and returns how many token events they completed. */
  feed(chunk: Buffer): number {
    const before = this.events;
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(lineFeed, from);
      if (end < 0) break;
      this.#append(chunk.subarray(from, end));
      this.#finishLine();
      from = end + 1;
    }
    if (from < chunk.length) this.#append(Buffer.from(chunk.subarray(from)));
    return this.events - before;
  }

  /** True between two lines: an event written now cannot end up inside another one. */
  get betweenLines(): boolean {
    return this.#line.length === 0;
  }

  #append(part: Buffer): void {
    const room = maxInspectedBytes - this.#line.length;
    if (part.length > room) this.#lineTooLong = true;
    // The beginning is kept in any case: it says whether the line holds data.
    const kept = part.subarray(0, room);
    this.#line = this.#line.length === 0 ? kept : Buffer.concat([this.#line, kept]);
  }

  #finishLine(): void {
    const line = this.#line;
    const whole = !this.#lineTooLong;
    this.#line = Buffer.alloc(0);
    this.#lineTooLong = false;
    if (line.toString("latin1", 0, 5) !== "data:") return;
    if (line.length < 16 && line.toString("latin1", 5).trim() === "[DONE]") return;
    if (whole && line.includes('"usage"')) {
      const usage = tokenUsage(line.toString("latin1"));
      this.usage = { ...this.usage, ...usage };
      // The report comes in an event of its own, without a choice.
      if (usage.outputTokens !== undefined && /"choices"\s*:\s*\[\s*\]/.test(line.toString("latin1"))) return;
    }
    this.events++;
  }
}

export interface TokenUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

/**
 * Finds the token counts in the text of an OpenAI answer. Inside generated text the quotes would be escaped, so the
 * text of a model cannot pass for a count.
 */
export function tokenUsage(text: string): TokenUsage {
  const input = /"prompt_tokens"\s*:\s*(\d{1,9})/.exec(text)?.[1];
  const output = /"completion_tokens"\s*:\s*(\d{1,9})/.exec(text)?.[1];
  return {
    ...(input && { inputTokens: Number(input) }),
    ...(output && { outputTokens: Number(output) }),
  };
}
