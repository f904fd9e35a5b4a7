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
    if (value === undefined || !namePattern.test(name)) return undefined;
    if (rawHeaders.length >= 2 * maxHeaders) return undefined;
    switch (name.length) {
      // Compared by length first: most names differ in it, and lower case is not free.
      case "host".length:
        if (name.toLowerCase() === "host") hosts++;
        break;
      case "content-length".length:
        if (name.toLowerCase() !== "content-length") {
          if (name.toLowerCase() === "http2-settings") return undefined;
          break;
        }
        if (contentLength >= 0 || !/^\d{1,12}$/.test(value)) return undefined;
        contentLength = Number(value);
        break;
      default:
        if (changesConnection(name, value)) return undefined;
    }
    rawHeaders.push(name, value);
    at = lineEnd + 2;
  }
  if (contentLength < 0 || hosts !== 1) return undefined;
  return { url, rawHeaders, contentLength, bodyStart: end + headEnd.length };
}

/** Whether a header asks for more than an answer. */
function changesConnection(name: string, value: string): boolean {
  switch (name.length) {
    case "te".length:
    case "expect".length:
    case "trailer".length: // and "upgrade"
    case "connection".length:
    case "proxy-connection".length:
    case "transfer-encoding".length: {
      const lower = name.toLowerCase();
      if (lower === "connection") return value.toLowerCase() !== "keep-alive";
      return connectionHeaders.has(lower);
    }
    default:
      return false;
  }
}

const connectionHeaders: ReadonlySet<string> = new Set([
  "te",
  "expect",
  "trailer",
  "upgrade",
  "proxy-connection",
  "transfer-encoding",
]);
