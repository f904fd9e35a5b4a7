import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  openBrace,
  openBracket,
  quote,
} from "./json-syntax.ts";

/** What an engine reports of an answer; absent where it says nothing. */
export interface TokenUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

const zero = 0x30;
const nine = 0x39;

/** Longest key that matters, with room for one that only begins like it. */
const maxKeyBytes = 20;

/** Most that one answer is believed to have used: more is no count. */
const maxTokens = 999_999_999;

/** Where in an answer the reader is: in the object that is the answer, in its `response`, or in the `usage` of either. */
type Level = "answer" | "response" | "usage";

/**
 * Reads the token counts of an OpenAI answer from its bytes as they pass, by the names of completions or of responses.
 * Only the answer's own `usage` counts, or that of the `response` in an event: engines give back parts of what clients
 * have sent, such as tools and metadata, and a client must not be able to say what it has used.
 *
 * Bytes that are no JSON give some answer or none, and never an error.
 */
export class UsageReader {
  #inputTokens: number | undefined;
  #outputTokens: number | undefined;
  #level: Level = "answer";
  /** Open braces and brackets. */
  #depth = 0;
  /** Depth of the objects that are being read: that of the answer, of its `response`, and of the `usage`. */
  #levelDepths: number[] = [];
  #inString = false;
  #isEscaped = false;
  /** The string that is being read is a key of the object that is being read. */
  #readsKey = false;
  #expectsKey = false;
  /** The last key there; its bytes as Latin-1. */
  #key = "";
  #digits = "";

  get usage(): TokenUsage {
    return {
      ...(this.#inputTokens !== undefined && { inputTokens: this.#inputTokens }),
      ...(this.#outputTokens !== undefined && { outputTokens: this.#outputTokens }),
    };
  }

  /** Takes the next bytes of the answer, which are not kept. */
  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#inString) at = this.#readString(bytes, at);
      else at = this.#readStructure(bytes, at);
    }
  }

  /** Up to the beginning of the next string. */
  #readStructure(bytes: Buffer, from: number): number {
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === quote) {
        this.#inString = true;
        this.#readsKey = this.#expectsKey && this.#depth === this.#levelDepths.at(-1);
        if (this.#readsKey) this.#key = "";
        return at + 1;
      }
      // Only the own members of an object on the way to the counts are of interest.
      if (byte === openBrace || byte === openBracket) this.#open(byte);
      else if (byte === closeBrace || byte === closeBracket) this.#close();
      else if (this.#depth !== this.#levelDepths.at(-1)) continue;
      else if (byte === comma) this.#nextMember();
      else if (byte === colon) this.#expectsKey = false;
      else if (this.#level === "usage") this.#readCount(byte);
    }
    return bytes.length;
  }

  #open(byte: number): void {
    const parent = this.#levelDepths.at(-1);
    const isObject = byte === openBrace;
    const isMember = this.#depth === parent && !this.#expectsKey;
    this.#depth++;
    if (!isObject) return;
    if (parent === undefined && this.#depth === 1) this.#enter("answer");
    else if (isMember && this.#level === "answer" && this.#key === "response") this.#enter("response");
    else if (isMember && this.#level !== "usage" && this.#key === "usage") this.#enter("usage");
  }

  #enter(level: Level): void {
    this.#level = level;
    this.#levelDepths.push(this.#depth);
    this.#expectsKey = true;
    this.#key = "";
  }

  #close(): void {
    if (this.#depth === this.#levelDepths.at(-1)) {
      this.#takeCount();
      this.#levelDepths.pop();
      this.#level = this.#level === "usage" && this.#levelDepths.length === 2 ? "response" : "answer";
      // What follows in the outer object is a comma or its end.
      this.#expectsKey = false;
    }
    this.#depth--;
  }

  #nextMember(): void {
    this.#takeCount();
    this.#expectsKey = true;
  }

  #readCount(byte: number): void {
    if (byte >= zero && byte <= nine) this.#digits += String.fromCharCode(byte);
    // White space ends a number too, but anything else makes it another one.
    else if (byte > 0x20) this.#digits = "no count";
  }

  #takeCount(): void {
    if (this.#level === "usage" && this.#digits !== "") {
      const tokens = Number(this.#digits);
      if (tokens <= maxTokens) {
        if (this.#key === "prompt_tokens" || this.#key === "input_tokens") this.#inputTokens = tokens;
        if (this.#key === "completion_tokens" || this.#key === "output_tokens") this.#outputTokens = tokens;
      }
    }
    this.#digits = "";
  }

  /** Up to the end of the string. */
  #readString(bytes: Buffer, from: number): number {
    let end = bytes.indexOf(quote, from);
    while (end >= 0 && this.#isEscapedAt(bytes, from, end)) end = bytes.indexOf(quote, end + 1);
    const textEnd = end < 0 ? bytes.length : end;
    if (this.#readsKey && this.#key.length < maxKeyBytes)
      this.#key += bytes.toString("latin1", from, Math.min(textEnd, from + maxKeyBytes));
    this.#isEscaped = end < 0 && this.#isEscapedAt(bytes, from, textEnd);
    this.#inString = end < 0;
    return end < 0 ? textEnd : end + 1;
  }

  /** Whether an odd number of backslashes stands before the place, of which one may have come before these bytes. */
  #isEscapedAt(bytes: Buffer, from: number, place: number): boolean {
    let at = place;
    while (at > from && bytes[at - 1] === backslash) at--;
    return ((place - at) % 2 === 1) !== (at === from && this.#isEscaped);
  }
}
