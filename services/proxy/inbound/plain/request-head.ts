import { headerValue } from "../../wire/header-value.ts";

/** The head of a request that needs nothing but its bytes. */
export interface RequestHead {
  /** Origin form, such as `/predict?x=1`. */
  readonly url: string;
  /** Names as they came and values in turn. */
  readonly rawHeaders: readonly string[];
  /** In bytes. */
  readonly contentLength: number;
  /** Where the body begins. */
  readonly bodyStart: number;
}

/** Longest head that is looked at, in bytes; credentials with many groups are the longest part of one. */
const maxHeadBytes = 16 * 1024;
const maxHeaders = 100;

const headEnd = Buffer.from("\r\n\r\n");
const requestLinePattern = /^POST (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const namePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Headers that change how a connection goes on, besides `connection` itself. */
const connectionHeaders: ReadonlySet<string> = new Set([
  ...["te", "expect", "trailer", "upgrade", "proxy-connection", "transfer-encoding", "http2-settings"],
]);

/** What a header is for this reader. */
type HeaderKind = "plain" | "host" | "content-length" | "connection" | "refused";

/** By name as clients write it; they use few, and looking one up is cheaper than judging it anew. */
const knownKinds = new Map<string, HeaderKind>();
const maxKnownKinds = 1024;

function kindOf(name: string): HeaderKind {
  const known = knownKinds.get(name);
  if (known !== undefined) return known;
  const kind = judgeName(name);
  // Clients choose the names: what one fills up with made-up ones is only the way to be quicker.
  if (knownKinds.size < maxKnownKinds && name.length <= 64) knownKinds.set(name, kind);
  return kind;
}

function judgeName(name: string): HeaderKind {
  if (!namePattern.test(name)) return "refused";
  const lower = name.toLowerCase();
  if (lower === "host" || lower === "content-length" || lower === "connection") return lower;
  return connectionHeaders.has(lower) ? "refused" : "plain";
}

/**
 * Reads the head of a POST request at the start of some bytes. Undefined for all that is not plain: a head that has not
 * come as a whole, other methods and versions, any other framing than one length, headers that change how a connection
 * goes on, and whatever is not quite as the grammar has it. What is not read here is Node's parser's to judge, so this
 * one can only be too narrow.
 */
export function readRequestHead(bytes: Buffer): RequestHead | undefined {
  const end = bytes.indexOf(headEnd);
  if (end < 0 || end > maxHeadBytes) return undefined;
  const text = bytes.toString("latin1", 0, end);
  const requestLineEnd = text.indexOf("\r\n");
  if (requestLineEnd < 0) return undefined;
  const url = requestLinePattern.exec(text.slice(0, requestLineEnd))?.[1];
  if (url === undefined) return undefined;
  const rawHeaders: string[] = [];
  let contentLength = -1;
  let hosts = 0;
  for (let at = requestLineEnd + 2; at <= text.length;) {
    const found = text.indexOf("\r\n", at);
    const lineEnd = found < 0 ? text.length : found;
    const colon = text.indexOf(":", at);
    if (colon < 0 || colon > lineEnd) return undefined;
    const name = text.slice(at, colon);
    const value = headerValue(text, colon + 1, lineEnd);
    if (value === undefined || rawHeaders.length >= 2 * maxHeaders) return undefined;
    switch (kindOf(name)) {
      case "plain":
        break;
      case "host":
        hosts++;
        break;
      case "content-length":
        if (contentLength >= 0 || !/^\d{1,12}$/.test(value)) return undefined;
        contentLength = Number(value);
        break;
      case "connection":
        if (value.toLowerCase() !== "keep-alive") return undefined;
        break;
      case "refused":
        return undefined;
    }
    rawHeaders.push(name, value);
    at = lineEnd + 2;
  }
  if (contentLength < 0 || hosts !== 1) return undefined;
  return { url, rawHeaders, contentLength, bodyStart: end + headEnd.length };
}
