import { headerValue } from "../../wire/header-value.ts";

/** Status and headers of an engine's answer. */
export interface AnswerHead {
  readonly status: number;
  /** Names in lower case and values in turn, those of the connection itself left out. */
  readonly headers: readonly string[];
  /** Empty where the engine does not say it. */
  readonly contentType: string;
  /** In bytes; -1 where the length is not known before the end. */
  readonly contentLength: number;
}

/** Takes an answer as it is read. Bytes are valid during the call only: the next read overwrites them. */
export interface AnswerReader {
  onHead(head: AnswerHead): void;
  onBody(chunk: Buffer): void;
  onEnd(): void;
}

/** An answer that is not HTTP/1.1. The text never holds what the engine sent. */
export class AnswerInvalid extends Error {
  override readonly name = "AnswerInvalid";
}

/** Longest head in bytes, status line included, and longest trailers; engines send a few hundred. */
const maxHeadBytes = 64 * 1024;
/** Longest line that gives the size of a chunk, extensions included, and longest trailer, in bytes. */
const maxChunkLineBytes = 4 * 1024;

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const space = 0x20;
const digitOne = 0x31;

/** Where things are in a status line. */
const minorVersionAt = 7;
const statusAt = 9;
const afterStatusAt = 12;

const headEnd = Buffer.from("\r\n\r\n");

type State =
  "head" | "length" | "until-close" | "chunk-size" | "chunk-data" | "chunk-end" | "trailers" | "done";

/**
 * Reads the answers of one connection, one at a time. Strict where two readers could disagree about where an answer
 * ends: then the connection is of no use any more. An answer mostly comes in one read, which needs no copy.
 */
export class AnswerParser {
  #reader: AnswerReader | undefined;
  #state: State = "done";
  /** The beginning of a head or line whose end has not come yet. */
  #pending: Buffer | undefined;
  /** Bytes of the body or of the chunk that have not come yet. */
  #left = 0;
  #keepAlive = false;

  /** Whether the connection may be used again after the answer. */
  get reusable(): boolean {
    return this.#state === "done" && this.#keepAlive;
  }

  /** Whether the answer has ended. */
  get done(): boolean {
    return this.#state === "done";
  }

  /** Expects the answer to a GET or POST request. */
  begin(reader: AnswerReader): void {
    this.#reader = reader;
    this.#state = "head";
    this.#pending = undefined;
    this.#keepAlive = false;
  }

  /** @throws AnswerInvalid */
  feed(chunk: Buffer): void {
    if (this.done) throw new AnswerInvalid("bytes that nobody asked for");
    let at = 0;
    while (at < chunk.length && !this.done) {
      switch (this.#state) {
        case "head":
          at = this.#readHead(chunk, at);
          break;
        case "length":
          at = this.#readBody(chunk, at, "done");
          break;
        case "until-close":
          this.#reader?.onBody(at === 0 ? chunk : chunk.subarray(at));
          at = chunk.length;
          break;
        case "chunk-size":
          at = this.#readChunkSize(chunk, at);
          break;
        case "chunk-data":
          at = this.#readBody(chunk, at, "chunk-end");
          break;
        case "chunk-end":
          at = this.#readChunkEnd(chunk, at);
          break;
        case "trailers":
          at = this.#readTrailer(chunk, at);
          break;
      }
    }
    if (!this.done) return;
    // What follows the answer must never be taken for the next one.
    if (at < chunk.length) this.#keepAlive = false;
    this.#end();
  }

  /** The engine closed the connection: the end of an answer that says no length. Returns whether it was one. */
  close(): boolean {
    if (this.#state !== "until-close") return false;
    this.#state = "done";
    this.#end();
    return true;
  }

  #readHead(chunk: Buffer, start: number): number {
    const bytes = this.#pending ? Buffer.concat([this.#pending, chunk.subarray(start)]) : chunk;
    const from = this.#pending ? 0 : start;
    // The last three bytes of before may begin the empty line.
    const found = bytes.indexOf(headEnd, this.#pending ? Math.max(this.#pending.length - 3, 0) : start);
    const length = (found < 0 ? bytes.length : found + 4) - from;
    if (length > maxHeadBytes) throw new AnswerInvalid("the head is too long");
    if (found < 0) {
      this.#pending = this.#pending ? bytes : Buffer.from(bytes.subarray(from));
      return chunk.length;
    }
    const consumed = this.#pending ? found + 4 - this.#pending.length : found + 4 - start;
    this.#pending = undefined;
    this.#takeHead(bytes.toString("latin1", from, found));
    return start + consumed;
  }

  #takeHead(text: string): void {
    const status = statusOf(text);
    const framing = new Framing(text.charCodeAt(minorVersionAt) === digitOne);
    const headers: string[] = [];
    let contentType = "";
    const statusLineEnd = text.indexOf("\r\n");
    const reasonEnd = statusLineEnd < 0 ? text.length : statusLineEnd;
    if (controlCharacter.test(text.slice(afterStatusAt, reasonEnd)))
      throw new AnswerInvalid("no status line");
    for (let at = reasonEnd + 2; at < text.length;) {
      const lineEnd = text.indexOf("\r\n", at);
      const end = lineEnd < 0 ? text.length : lineEnd;
      const colon = text.indexOf(":", at);
      if (colon < 0 || colon > end) throw new AnswerInvalid("a header without a colon");
      const name = headerName(text.slice(at, colon));
      if (name === undefined) throw new AnswerInvalid("a header without a valid name");
      const value = headerValue(text, colon + 1, end);
      // It may be passed on, where a line feed would begin a header of its own.
      if (value === undefined) throw new AnswerInvalid("a header with a control character");
      if (!framing.take(name, value)) {
        headers.push(name, value);
        if (name === "content-type") contentType = value;
      }
      at = end + 2;
    }
    if (status < 200) {
      // Early hints and the like precede the answer proper. An upgrade was not asked for.
      if (status === 101) throw new AnswerInvalid("an upgrade that was not asked for");
      return;
    }
    this.#keepAlive = framing.keepAlive;
    const bodyless = status === 204 || status === 304;
    const contentLength = bodyless ? 0 : framing.contentLength;
    if (framing.chunked && !bodyless) this.#state = "chunk-size";
    else if (contentLength > 0) {
      this.#state = "length";
      this.#left = contentLength;
    } else if (contentLength < 0) {
      this.#state = "until-close";
      this.#keepAlive = false;
    }
    this.#reader?.onHead({
      status,
      headers,
      contentType,
      contentLength: framing.chunked ? -1 : contentLength,
    });
    if (this.#state === "head") this.#state = "done";
  }

  #readBody(chunk: Buffer, at: number, next: "done" | "chunk-end"): number {
    const end = Math.min(at + this.#left, chunk.length);
    this.#left -= end - at;
    this.#reader?.onBody(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    if (this.#left === 0) this.#state = next;
    return end;
  }

  #readChunkSize(chunk: Buffer, at: number): number {
    const { line, next } = this.#readLine(chunk, at);
    if (line === undefined) return next;
    const size = /^([0-9A-Fa-f]{1,13})[ \t]*(?:;[^\r\n]*)?$/.exec(line)?.[1];
    if (size === undefined) throw new AnswerInvalid("no size of a chunk");
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailers" : "chunk-data";
    return next;
  }

  #readChunkEnd(chunk: Buffer, at: number): number {
    const { line, next } = this.#readLine(chunk, at);
    if (line === undefined) return next;
    if (line !== "") throw new AnswerInvalid("a chunk longer than its size");
    this.#state = "chunk-size";
    return next;
  }

  /** Trailers are read and dropped; nothing of the body is left by then, so their bytes are counted in its place. */
  #readTrailer(chunk: Buffer, at: number): number {
    const { line, next } = this.#readLine(chunk, at);
    this.#left += next - at;
    if (this.#left > maxHeadBytes) throw new AnswerInvalid("the trailers are too long");
    if (line === "") this.#state = "done";
    return next;
  }

  /** The next line without its end, or undefined where its end has not come yet. */
  #readLine(chunk: Buffer, at: number): { readonly line: string | undefined; readonly next: number } {
    const end = chunk.indexOf(lineFeed, at);
    const next = end < 0 ? chunk.length : end + 1;
    const part = chunk.subarray(at, next);
    const bytes = this.#pending ? Buffer.concat([this.#pending, part]) : part;
    if (bytes.length > maxChunkLineBytes) throw new AnswerInvalid("a line is too long");
    if (end < 0) {
      this.#pending = Buffer.from(bytes);
      return { line: undefined, next };
    }
    this.#pending = undefined;
    if (bytes[bytes.length - 2] !== carriageReturn) throw new AnswerInvalid("a line ends without CR LF");
    return { line: bytes.toString("latin1", 0, bytes.length - 2), next };
  }

  #end(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.onEnd();
  }
}

/** What the headers of one answer say about where it ends and whether the connection goes on. */
class Framing {
  chunked = false;
  readonly #isHttp11: boolean;
  #close = false;
  #keepAlive = false;
  #contentLength = -1;

  constructor(isHttp11: boolean) {
    this.#isHttp11 = isHttp11;
  }

  get keepAlive(): boolean {
    return !this.#close && (this.#isHttp11 || this.#keepAlive);
  }

  get contentLength(): number {
    return this.#contentLength;
  }

  /** Returns whether the header belongs to the connection and not to the answer. */
  take(name: string, value: string): boolean {
    switch (name) {
      case "content-length": {
        const length = /^\d{1,15}$/.test(value) ? Number(value) : -1;
        if (length < 0 || this.chunked || (this.#contentLength >= 0 && this.#contentLength !== length)) {
          throw new AnswerInvalid("no clear content-length");
        }
        this.#contentLength = length;
        return true;
      }
      case "transfer-encoding":
        // Any other coding was not offered, HTTP/1.0 has none, and with a length besides it two readers could disagree.
        if (
          value.toLowerCase() !== "chunked" ||
          !this.#isHttp11 ||
          this.#contentLength >= 0 ||
          this.chunked
        ) {
          throw new AnswerInvalid("no clear transfer-encoding");
        }
        this.chunked = true;
        return true;
      case "connection": {
        const options = value.toLowerCase();
        if (options.includes("close")) this.#close = true;
        else if (options.includes("keep-alive")) this.#keepAlive = true;
        return true;
      }
      case "keep-alive":
      case "trailer":
      case "upgrade":
      case "proxy-connection":
        return true;
      default:
        return false;
    }
  }
}

/** Of a line such as `HTTP/1.1 200 OK`. */
function statusOf(text: string): number {
  const version = text.startsWith("HTTP/1.1 ") || text.startsWith("HTTP/1.0 ");
  const digits = text.slice(statusAt, afterStatusAt);
  const after = text.charCodeAt(afterStatusAt);
  // A reason may follow, after a space.
  const ends = text.length === afterStatusAt || after === space || after === carriageReturn;
  if (!version || !ends || !/^[1-5]\d\d$/.test(digits)) throw new AnswerInvalid("no status line");
  return Number(digits);
}

/** What two readers could take for the end of a line or of a text. */
const controlCharacter = /[\0-\x08\x0a-\x1f\x7f]/;

/** Names in lower case, by how engines write them: looking one up is cheaper than judging and changing it anew. */
const knownNames = new Map<string, string>();
const maxKnownNames = 1024;

/** In lower case; undefined where it is no name. */
function headerName(text: string): string | undefined {
  const known = knownNames.get(text);
  if (known !== undefined) return known;
  const lower = text.toLowerCase();
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) return undefined;
  if (knownNames.size < maxKnownNames && text.length <= 64) knownNames.set(text, lower);
  return lower;
}
