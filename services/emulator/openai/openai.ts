import type { IncomingMessage, ServerResponse } from "node:http";
import type { GroupModel } from "../../../platform/plan/platform-plan.ts";
import type { Clock } from "../engine/clock.ts";
import { GenerationEngine } from "../engine/generation-engine.ts";
import { readBody, sendEmpty, sendJson } from "../http/body.ts";
import { pathSegments, type Face } from "../http/face.ts";
import {
  answerHead,
  doneEvent,
  roleEvent,
  tokenEvent,
  usageEvent,
  usageOf,
  wholeAnswer,
  type GenerationKind,
} from "./answers.ts";
import { expectedFingerprint, generateText, type GeneratedText } from "./generated-text.ts";
import { parseGeneration, type GenerationBody } from "./generation-request.ts";
import { VllmMetrics } from "./vllm-metrics.ts";

export interface OpenAiSettings {
  readonly model: GroupModel;
  readonly maxBatchSize: number;
}

/** The HTTP face of vLLM: the OpenAI API for one model, health and metrics. */
export class OpenAiFace implements Face {
  readonly #model: GroupModel;
  readonly #engine: GenerationEngine;
  readonly #metrics: VllmMetrics;
  readonly #clock: Clock;
  readonly #createdSeconds = Math.floor(Date.now() / 1000);

  constructor(settings: OpenAiSettings, clock: Clock) {
    this.#model = settings.model;
    this.#clock = clock;
    this.#engine = new GenerationEngine(
      { parameters: settings.model.parameters, maxBatchSize: settings.maxBatchSize },
      clock,
    );
    this.#metrics = new VllmMetrics(settings.model.name, this.#engine);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathSegments(request)?.join("/");
    const route = path === undefined ? undefined : this.#routes.get(path);
    if (route === undefined) return sendError(response, 404, "Not Found");
    if (request.method !== route.method) return sendError(response, 405, "Method Not Allowed");
    await route.handle(request, response);
  }

  stop(): void {
    this.#engine.stop();
  }

  readonly #routes: ReadonlyMap<string, Route> = new Map<string, Route>([
    ["health", { method: "GET", handle: (_, response) => sendEmpty(response, 200) }],
    ["ping", { method: "GET", handle: (_, response) => sendEmpty(response, 200) }],
    ["metrics", { method: "GET", handle: (_, response) => this.#expose(response) }],
    ["v1/models", { method: "GET", handle: (_, response) => this.#listModels(response) }],
    ["v1/chat/completions", { method: "POST", handle: (...exchange) => this.#generate("chat", ...exchange) }],
    [
      "v1/completions",
      { method: "POST", handle: (...exchange) => this.#generate("completion", ...exchange) },
    ],
  ]);

  async #expose(response: ServerResponse): Promise<void> {
    const text = await this.#metrics.exposition();
    response.writeHead(200, { "content-type": this.#metrics.contentType }).end(text);
  }

  /** The model's own name, then those of its adapters and aliases. */
  #names(): readonly string[] {
    return [this.#model.name, ...(this.#model.otherNames ?? [])];
  }

  #listModels(response: ServerResponse): void {
    const { name, maxSequenceTokens } = this.#model;
    const data = this.#names().map((id) => ({
      id,
      object: "model",
      created: this.#createdSeconds,
      owned_by: "vllm",
      root: name,
      parent: null,
      max_model_len: maxSequenceTokens,
    }));
    sendJson(response, 200, { object: "list", data });
  }

  async #generate(kind: GenerationKind, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const read = await readBody(request);
    if (read.kind === "gone") return;
    if (read.kind === "too-large") return sendError(response, 413, "The request body is larger than 16 MiB.");
    const { maxSequenceTokens } = this.#model;
    const parsed = parseGeneration(read.text, kind, { models: this.#names(), maxSequenceTokens });
    if (!parsed.ok) return sendError(response, parsed.status, parsed.message, parsed.param);
    const { body } = parsed;
    const generated = generateText(body.maxTokens, body.stop);
    const version = this.#model.versions[0]?.version ?? "";
    const head = answerHead(kind, body.model, expectedFingerprint(body.model, version, body.prompt));
    const writer = body.stream
      ? streamWriter(kind, head, body, generated, response)
      : wholeWriter(kind, head, body, generated, response);
    this.#run(body, generated, writer, response);
  }

  #run(body: GenerationBody, generated: GeneratedText, writer: AnswerWriter, response: ServerResponse): void {
    const arrivedMs = this.#clock.nowMs();
    let lastTokenMs = arrivedMs;
    const generation = this.#engine.submit({
      promptTokens: body.promptTokens,
      outputTokens: generated.tokens.length,
      onToken: (index, last) => {
        const nowMs = this.#clock.nowMs();
        if (index === 1) this.#metrics.firstToken(body.promptTokens, nowMs - arrivedMs);
        else this.#metrics.laterToken(nowMs - lastTokenMs);
        lastTokenMs = nowMs;
        if (last) this.#metrics.finished(generated.finishReason, nowMs - arrivedMs);
        writer.token(index, last);
      },
    });
    if (generation === undefined) return sendError(response, 503, "The queue of the server is full.");
    writer.accepted();
    response.once("close", () => {
      if (response.writableEnded) return;
      generation.abort();
      this.#metrics.aborted();
    });
  }
}

interface Route {
  readonly method: "GET" | "POST";
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
}

/** Turns tokens into an HTTP answer. */
interface AnswerWriter {
  /** The request is in the engine's queue. */
  accepted(): void;
  token(index: number, last: boolean): void;
}

type WriterInputs = [
  kind: GenerationKind,
  head: ReturnType<typeof answerHead>,
  body: GenerationBody,
  generated: GeneratedText,
  response: ServerResponse,
];

function streamWriter(...[kind, head, body, { tokens, finishReason }, response]: WriterInputs): AnswerWriter {
  return {
    accepted() {
      response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
      });
      // The status goes out before the first token, as the engine's own server does it.
      response.flushHeaders();
    },
    token(index, last) {
      const text = tokens[index - 1] ?? "";
      let events = index === 1 && kind === "chat" ? roleEvent(head) : "";
      // A token that a stop string swallowed has no text to send.
      if (text !== "" || last) events += tokenEvent(kind, head, text, last ? finishReason : null);
      if (!last) {
        response.write(events);
        return;
      }
      if (body.includeUsage) events += usageEvent(kind, head, usageOf(body.promptTokens, tokens.length));
      response.end(events + doneEvent);
    },
  };
}

function wholeWriter(...[kind, head, body, { tokens, finishReason }, response]: WriterInputs): AnswerWriter {
  return {
    accepted() {},
    token(_, last) {
      if (!last) return;
      const usage = usageOf(body.promptTokens, tokens.length);
      sendJson(response, 200, wholeAnswer(kind, head, tokens.join(""), finishReason, usage));
    },
  };
}

const errorTypes: Readonly<Record<number, string>> = {
  400: "BadRequestError",
  404: "NotFoundError",
  405: "MethodNotAllowedError",
  413: "RequestEntityTooLargeError",
  503: "ServiceUnavailableError",
};

function sendError(response: ServerResponse, status: number, message: string, param?: string): void {
  const error = {
    message,
    type: errorTypes[status] ?? "InternalServerError",
    param: param ?? null,
    code: status,
  };
  sendJson(response, status, { error });
}
