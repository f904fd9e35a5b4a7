import type { TokenTimes } from "./grpc-services.ts";
import { FieldReader, WireFormatError, wireTypes } from "./wire-format.ts";

/** In ModelInferRequest and ModelInferResponse alike. */
const idField = 3;
/** In ModelStreamInferResponse. */
const errorField = 1;
const responseField = 2;
/** In ModelInferResponse: the outputs' names and shapes, and their bytes. */
const outputFields: ReadonlySet<number> = new Set([5, 6]);

/** Fields that are looked at before the one that is looked for: serialisers write in order, and the tensors last. */
const maxFields = 256;

/** A longer id is no id here, so that what is kept of a stream is a few KiB at most. */
const maxIdBytes = 256;

/** Requests of a stream that are followed at once; the oldest are forgotten, of which most have ended. */
const maxRequests = 64;

interface Request {
  readonly arrivedAtMs: number;
  /** Undefined before the first one. */
  lastTokenAtMs: number | undefined;
}

/**
 * Measures the tokens of a `ModelStreamInfer`, whose answers may be for any of its requests. Each answer with outputs
 * counts as a token; an error, and the empty answer by which an engine may say that a request has ended, do not. Only
 * what surely belongs to a request is measured: any answer while the stream has had one request, later those with an id
 * that no other request of the stream had.
 */
export class StreamTokens {
  readonly #times: TokenTimes;
  /** By id, the empty one where there is none; undefined where several requests have it. */
  readonly #requests = new Map<string, Request | undefined>();
  /** The stream's request while there is one only. */
  #only: Request | undefined;

  constructor(times: TokenTimes) {
    this.#times = times;
  }

  /** A request is about to go to the engine. `arrivedAtMs` is on the clock that `answered` is given. */
  asked(message: Buffer, arrivedAtMs: number): void {
    const id = idOf(message);
    const request = { arrivedAtMs, lastTokenAtMs: undefined };
    this.#only = this.#requests.size === 0 ? request : undefined;
    const isShared = this.#requests.delete(id);
    this.#requests.set(id, isShared ? undefined : request);
    if (this.#requests.size <= maxRequests) return;
    const [oldest = ""] = this.#requests.keys();
    this.#requests.delete(oldest);
  }

  answered(message: Buffer, nowMs: number): void {
    const id = idOfToken(message);
    if (id === undefined) return;
    const request = this.#only ?? this.#requests.get(id);
    if (!request) return;
    const { arrivedAtMs, lastTokenAtMs } = request;
    request.lastTokenAtMs = nowMs;
    if (lastTokenAtMs === undefined) this.#times.timeToFirstToken.observe((nowMs - arrivedAtMs) / 1000);
    else this.#times.interTokenLatency.observe((nowMs - lastTokenAtMs) / 1000);
  }
}

/** The id of a request; empty where it has none. */
function idOf(request: Buffer): string {
  const reader = new FieldReader(request);
  for (let count = 0; count < maxFields && reader.next(); count++) {
    if (reader.number === idField) return textOf(request, reader);
  }
  return "";
}

/** The id of the request that an answer is for, empty where it names none; undefined where the answer is no token. */
function idOfToken(answer: Buffer): string | undefined {
  try {
    const reader = new FieldReader(answer);
    for (let count = 0; count < maxFields && reader.next(); count++) {
      if (reader.number === errorField && reader.end > reader.start) return undefined;
      if (reader.number === responseField && reader.wireType === wireTypes.lengthDelimited)
        return idOfOutputs(answer.subarray(reader.start, reader.end));
    }
  } catch (error) {
    // What an engine sends is the client's to judge.
    if (!(error instanceof WireFormatError)) throw error;
  }
  return undefined;
}

/** The same of a ModelInferResponse, which is no token where it holds no output. */
function idOfOutputs(response: Buffer): string | undefined {
  let id = "";
  const reader = new FieldReader(response);
  for (let count = 0; count < maxFields && reader.next(); count++) {
    if (reader.number === idField) id = textOf(response, reader);
    if (outputFields.has(reader.number)) return id;
  }
  return undefined;
}

function textOf(message: Buffer, { start, end }: FieldReader): string {
  return end - start > maxIdBytes ? "" : message.toString("latin1", start, end);
}
