import { isUtf8 } from "node:buffer";
import { ProxyFailure } from "../proxy-failure.ts";
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

/** A JSON value as the bytes [start, end) of a body. `scalar` is a number, true, false or null. */
export interface JsonSpan {
  readonly kind: "object" | "array" | "string" | "scalar";
  readonly start: number;
  readonly end: number;
}

/** A key longer than this many bytes is none that the proxy knows, however it is escaped. */
const maxKeyBytes = 512;

/** Bytes looked at one by one before a search by `indexOf` pays for its call. */
const nativeSearchAfterBytes = 128;

/**
 * Calls `visit` for every member of the JSON object that starts at `start` and returns the position after the object.
 * Keys are decoded; a key too long to be known is passed as undefined. The object's own syntax is checked; the inside
 * of its values only as far as it takes to find where they end, because judging it is the engine's work.
 */
export function forEachMember(
  bytes: Buffer,
  start: number,
  visit: (key: string | undefined, value: JsonSpan) => void,
): number {
  let at = skipWhitespace(bytes, start);
  if (bytes[at] !== openBrace) throw notJson("expected an object", at);
  at = skipWhitespace(bytes, at + 1);
  if (bytes[at] === closeBrace) return at + 1;
  for (;;) {
    if (bytes[at] !== quote) throw notJson("expected a key", at);
    const keyEnd = skipString(bytes, at);
    const key = keyEnd - at > maxKeyBytes ? undefined : decodeString(bytes, at, keyEnd);
    at = skipWhitespace(bytes, keyEnd);
    if (bytes[at] !== colon) throw notJson("expected a colon", at);
    const value = spanOfValue(bytes, skipWhitespace(bytes, at + 1));
    visit(key, value);
    at = skipWhitespace(bytes, value.end);
    if (bytes[at] === closeBrace) return at + 1;
    if (bytes[at] !== comma) throw notJson("expected a comma or the end of the object", at);
    at = skipWhitespace(bytes, at + 1);
  }
}

/** Refuses anything but white space after the document. */
export function expectEnd(bytes: Buffer, at: number): void {
  const end = skipWhitespace(bytes, at);
  if (end < bytes.length) throw notJson("expected the end of the body", end);
}

/** The text of a JSON string that covers [start, end), quotes included. */
export function decodeString(bytes: Buffer, start: number, end: number): string {
  if (isPlain(bytes, start + 1, end - 1)) return bytes.toString("latin1", start + 1, end - 1);
  if (isUtf8(bytes.subarray(start, end))) {
    try {
      return JSON.parse(bytes.toString("utf8", start, end)) as string;
    } catch {
      // Falls through: a control character or an unknown escape.
    }
  }
  throw notJson("expected a valid string", start);
}

/** Whether these bytes are printable ASCII without escapes. */
function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === backslash) return false;
  }
  return true;
}

function spanOfValue(bytes: Buffer, start: number): JsonSpan {
  switch (bytes[start]) {
    case openBrace: {
      const end = skipContainer(bytes, start);
      if (bytes[end - 1] !== closeBrace) throw notJson("expected a closing brace", end - 1);
      return { kind: "object", start, end };
    }
    case openBracket: {
      const end = skipContainer(bytes, start);
      if (bytes[end - 1] !== closeBracket) throw notJson("expected a closing bracket", end - 1);
      return { kind: "array", start, end };
    }
    case quote:
      return { kind: "string", start, end: skipString(bytes, start) };
    default: {
      let end = start;
      while (end < bytes.length && isScalarByte(bytes[end])) end++;
      if (end === start) throw notJson("expected a value", start);
      return { kind: "scalar", start, end };
    }
  }
}

/** Letters, digits, sign and point: what numbers, true, false and null are made of. */
function isScalarByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x2b ||
    byte === 0x45
  );
}

function skipWhitespace(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** Position after the string whose opening quote is at `start`. */
function skipString(bytes: Buffer, start: number): number {
  let at = start + 1;
  const nearby = Math.min(at + nativeSearchAfterBytes, bytes.length);
  while (at < nearby) {
    const byte = bytes[at];
    if (byte === quote) return at + 1;
    at += byte === backslash ? 2 : 1;
  }
  for (;;) {
    const found = at < bytes.length ? bytes.indexOf(quote, at) : -1;
    if (found < 0) throw notJson("expected the end of a string", start);
    // An odd number of backslashes escapes the quote. Counting stops at `at`, so the work stays linear.
    let before = found - 1;
    while (before >= at && bytes[before] === backslash) before--;
    if ((found - 1 - before) % 2 === 0) return found + 1;
    at = found + 1;
  }
}

/** What a byte means between strings: nothing for finding an end, except these. */
const structural = new Uint8Array(256);
for (const byte of [quote, openBrace, closeBrace, openBracket, closeBracket]) structural[byte] = 1;

/** Position after the object or array that opens at `start`. Counts depth instead of recursing: nesting is unbounded. */
function skipContainer(bytes: Buffer, start: number): number {
  let depth = 0;
  let at = start;
  let search: StructureSearch | undefined;
  while (at < bytes.length) {
    const nearby = Math.min(at + nativeSearchAfterBytes, bytes.length);
    while (at < nearby && structural[bytes[at] ?? 0] === 0) at++;
    if (at === nearby) {
      if (at === bytes.length) break;
      search ??= new StructureSearch(bytes);
      at = search.next(at);
      continue;
    }
    const byte = bytes[at];
    if (byte === quote) {
      at = skipString(bytes, at);
      continue;
    }
    at++;
    if (byte === openBrace || byte === openBracket) depth++;
    else if (--depth === 0) return at;
  }
  throw notJson("expected the end of an object or array", start);
}

/**
 * Jumps over long runs of numbers. Remembers where each structural byte comes next, so that the whole body is searched
 * at most once for each of them, even where one of them never comes.
 */
class StructureSearch {
  readonly #bytes: Buffer;
  readonly #wanted = [quote, openBrace, closeBrace, openBracket, closeBracket].map((byte) => ({
    byte,
    next: -1,
  }));

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(from: number): number {
    let nearest = this.#bytes.length;
    for (const wanted of this.#wanted) {
      if (wanted.next < from) {
        const found = this.#bytes.indexOf(wanted.byte, from);
        wanted.next = found < 0 ? this.#bytes.length : found;
      }
      nearest = Math.min(nearest, wanted.next);
    }
    return nearest;
  }
}

function notJson(expected: string, at: number): ProxyFailure {
  return new ProxyFailure("BODY_NOT_JSON", `The body is not valid JSON: ${expected} at byte ${at}.`);
}
