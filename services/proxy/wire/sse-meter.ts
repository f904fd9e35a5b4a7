import { UsageReader, type TokenUsage } from "./usage-reader.ts";

const lineFeed = 0x0a;
/** Longest line that is kept until it is whole, in bytes: of a longer one the usage is read as it comes. */
const maxKeptBytes = 64 * 1024;
/** `data:` */
const fieldBytes = 5;

/** An event that is no piece of text: an error, or what the Responses API sends around the text. */
const frameEvent = /^event:\s*(?:error\s*$|response\.(?!.*\.delta\s*$))/;

/**
 * Counts the events of an OpenAI token stream while its bytes pass by unchanged. An engine sends one event per token
 * (or per few tokens with speculative decoding), which makes events the measure of TTFT and ITL that needs no
 * knowledge of the tokenizer.
 */
export class SseMeter {
  /** Events of text so far: the final `[DONE]`, a final usage report and events around the text are not counted. */
  events = 0;
  /** From the usage field, where the client asked the engine for it. */
  usage: TokenUsage = {};
  #line: Buffer = Buffer.alloc(0);
  /** Reads the rest of a line that is too long to be kept. */
  #longLine: UsageReader | undefined;
  /** The event that is being read is no piece of text. */
  #otherEvent = false;

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

  #append(part: Buffer): void {
    if (this.#longLine) return this.#longLine.read(part);
    this.#line = this.#line.length === 0 ? part : Buffer.concat([this.#line, part]);
    if (this.#line.length <= maxKeptBytes) return;
    this.#longLine = new UsageReader();
    this.#longLine.read(this.#line.subarray(fieldBytes));
    // The beginning is kept: it says whether the line holds data.
    this.#line = Buffer.from(this.#line.subarray(0, fieldBytes));
  }

  #finishLine(): void {
    const line = this.#line;
    const longLine = this.#longLine;
    this.#line = Buffer.alloc(0);
    this.#longLine = undefined;
    const field = line.toString("latin1", 0, 5);
    // The Responses API names its events: some begin and end what the others tell token by token.
    if (field === "event") this.#otherEvent = frameEvent.test(line.toString("latin1"));
    if (field !== "data:") return;
    const isText = !this.#otherEvent;
    this.#otherEvent = false;
    if (line.length < 16 && line.toString("latin1", 5).trim() === "[DONE]") return;
    if (longLine) this.usage = { ...this.usage, ...longLine.usage };
    else if (line.includes('"usage"')) {
      const reader = new UsageReader();
      reader.read(line.subarray(fieldBytes));
      this.usage = { ...this.usage, ...reader.usage };
      // The report comes in an event of its own, without a choice.
      if (reader.usage.outputTokens !== undefined && /"choices"\s*:\s*\[\s*\]/.test(line.toString("latin1")))
        return;
    }
    if (isText) this.events++;
  }
}
