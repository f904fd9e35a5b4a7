import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { anonymous, type Principal } from "../auth/principal.ts";
import type { ClientResponse } from "./client-response.ts";
import type { ConcurrencyGate } from "../admission/concurrency-gate.ts";
import type { RouteMeter } from "../measures/route-meter.ts";
import { ProxyFailure, type ProxyFailureCode } from "../proxy-failure.ts";
import type { RequestSpan } from "../tracing/tracing.ts";
import type { Route } from "../routing/routing-index.ts";

/** What goes on for a request and has to be given up when its client goes away. */
export interface InboundWork {
  clientGone(): void;
}

/** Tells the requests of this process from those of others; a random id for each would cost more than routing it. */
const processId = randomBytes(9).toString("base64url");
let requestCount = 0;

/** On every answer. An answer of a model is data, whatever it looks like. */
const securityHeaders = ["x-content-type-options", "nosniff"] as const;
/** Of answers over TLS: browsers then stay with it for a year. */
const encryptedSecurityHeaders = [
  ...securityHeaders,
  ...["strict-transport-security", "max-age=31536000"],
] as const;

/** A request as it came. */
export interface ClientRequest {
  readonly method: string;
  readonly url: string;
  /** Names as they came and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  /** IP address of the other end; taken while the connection is open, because nobody knows it afterwards. */
  readonly clientAddress: string | undefined;
  /** All of it, or where it comes from. */
  readonly body: Buffer | IncomingMessage;
}

/** A request of a client while the proxy works on it. */
export class InboundRequest {
  readonly method: string;
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  /** IP address of the other end of the connection; undefined where that has closed. */
  readonly clientAddress: string | undefined;
  /** All of the body, or where it comes from. */
  body: Buffer | IncomingMessage;
  /** The memory of the body, where it is to be used again. */
  bodyBuffer: Buffer | undefined;
  /** Nothing reads the body any more: the engine has it, and it went to no other. */
  isBodyUsedUp = false;
  readonly response: ClientResponse;
  /** The client's `x-request-id` where that is safe to log and pass on, else a new one. */
  readonly id: string;
  /** On the clock of `performance.now()`. */
  readonly arrivedAtMs = performance.now();
  /** Without the query string, which no path here takes. */
  readonly path: string;
  /** Who asks, once that is known. */
  principal: Principal = anonymous;
  /** Whether `principal` is known already. */
  isIdentified = false;
  /** Where the request goes, once that is known. */
  route: Route | undefined;
  /** When it has to be answered, on the clock of `performance.now()`; known with the route. */
  deadlineMs = Infinity;
  /** Counts the request as in flight; undefined where it is not. */
  meter: RouteMeter | undefined;
  /** The client closed its connection before it had the whole answer. */
  gone = false;
  work: InboundWork | undefined;
  /** Bytes that are kept in memory for the request. */
  heldBytes = 0;
  /** Where the request took a place that it has to give back. */
  gate: ConcurrencyGate | undefined;
  /** Neither its body nor the word on its sender had to be waited for. */
  isWhole: boolean;
  /** When the request began to wait for its turn, on the clock of `performance.now()`; 0 where it never had to. */
  queuedAtMs = 0;
  /** When the request got its turn, on the clock of `performance.now()`; 0 before. */
  turnAtMs = 0;
  /** Where it is traced. */
  span: RequestSpan | undefined;
  /** Why it is refused whatever it asks for, where that is known before it is handled. */
  refusal: ProxyFailure | undefined;
  /** Why the proxy refused or failed it. */
  failureCode: ProxyFailureCode | undefined;
  /** When the first token of a stream came, on the clock of `performance.now()`; 0 before. */
  firstTokenAtMs = 0;
  /** Of its body, as far as that was read. */
  requestBytes: number;
  /** Of the answer's body, as far as that was written. */
  answerBytes = 0;
  /** How often it was sent to another replica. */
  retries = 0;
  /** What the engine reported, or what was counted. */
  inputTokens = 0;
  outputTokens = 0;
  /** Where the prompt is in the body, for engines that keep what they have read of others like it. */
  prompt: { readonly body: Buffer; readonly start: number; readonly end: number } | undefined;

  constructor(
    { method, url, rawHeaders, socket, clientAddress, body }: ClientRequest,
    response: ClientResponse,
  ) {
    this.method = method;
    this.rawHeaders = rawHeaders;
    this.socket = socket;
    this.body = body;
    this.isWhole = Buffer.isBuffer(body);
    this.requestBytes = Buffer.isBuffer(body) ? body.length : 0;
    this.clientAddress = clientAddress;
    this.response = response;
    const id = this.firstHeader("x-request-id");
    this.id = id !== undefined && /^[A-Za-z0-9._:-]{1,128}$/.test(id) ? id : nextId();
    const query = url.indexOf("?");
    this.path = query < 0 ? url : url.slice(0, query);
  }

  /** The client closed its connection before it had the whole answer. */
  closed(): void {
    this.gone = true;
    this.work?.clientGone();
  }

  /** Begins the answer. `headers`: names and values in turn. */
  writeHead(status: number, headers: readonly string[]): void {
    this.response.writeHead(status, [
      ...headers,
      "x-request-id",
      this.id,
      ...(this.socket instanceof TLSSocket ? encryptedSecurityHeaders : securityHeaders),
    ]);
  }

  /** Writes a part of the answer's body, as bytes or in Latin-1. Returns false where the client is slower. */
  write(part: string | Buffer): boolean {
    this.answerBytes += part.length;
    return typeof part === "string" ? this.response.write(part, "latin1") : this.response.write(part);
  }

  /** Ends the answer, with its last part. */
  end(part?: string | Buffer): void {
    this.answerBytes += part?.length ?? 0;
    if (typeof part === "string") this.response.end(part, "latin1");
    else this.response.end(part);
  }

  /** The first value of a header, for those that decide nothing. */
  firstHeader(name: string): string | undefined {
    const { rawHeaders } = this;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const raw = rawHeaders[index] ?? "";
      if (raw.length === name.length && (raw === name || raw.toLowerCase() === name))
        return rawHeaders[index + 1];
    }
    return undefined;
  }

  /** One value of a header; a header that is given twice is refused, because engines and proxies pick differently. */
  header(name: string): string | undefined {
    const { rawHeaders } = this;
    let found: string | undefined;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const raw = rawHeaders[index] ?? "";
      // Compared by length first: most names differ in it, and lower case is not free.
      if (raw.length !== name.length || (raw !== name && raw.toLowerCase() !== name)) continue;
      const value = rawHeaders[index + 1];
      if (found !== undefined || !value) {
        throw new ProxyFailure("REQUEST_INVALID", `The header "${name}" must be given once, with a value.`);
      }
      found = value;
    }
    return found;
  }
}

function nextId(): string {
  requestCount++;
  return `${processId}.${requestCount.toString(36)}`;
}
