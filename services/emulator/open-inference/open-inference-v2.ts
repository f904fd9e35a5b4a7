import type { IncomingMessage, ServerResponse } from "node:http";
import type { GroupModel } from "../../../platform/plan/platform-plan.ts";
import { BatchingEngine } from "../engine/batching-engine.ts";
import type { Clock } from "../engine/clock.ts";
import { isObject, parseJson, readBody, sendEmpty, sendJson } from "../http/body.ts";
import { pathSegments, type Face } from "../http/face.ts";
import { expectedLogits } from "./expected-logits.ts";
import { parseInfer, requestPrefix, type InferBody } from "./infer-request.ts";
import { ModelRepository } from "./model-repository.ts";
import { TritonMetrics } from "./triton-metrics.ts";

export interface OpenInferenceSettings {
  readonly models: readonly GroupModel[];
  readonly maxBatchSize: number;
  readonly loading: "preload" | "on-demand";
  /** Time one model load takes in ms. */
  readonly loadMs: number;
}

/** The HTTP face of Triton: Open Inference Protocol v2, the model repository API and the metrics, on one port. */
export class OpenInferenceFace implements Face {
  readonly #settings: OpenInferenceSettings;
  readonly #repository: ModelRepository;
  readonly #engine: BatchingEngine;
  readonly #metrics: TritonMetrics;

  constructor(settings: OpenInferenceSettings, clock: Clock) {
    this.#settings = settings;
    this.#repository = new ModelRepository(settings, clock);
    this.#engine = new BatchingEngine({ maxBatchSize: settings.maxBatchSize }, clock);
    this.#metrics = new TritonMetrics(() =>
      settings.models.flatMap(({ name, versions }) =>
        versions.map(({ version }) => ({
          model: name,
          version,
          count: this.#engine.waitingCount(batchKey(name, version)),
        })),
      ),
    );
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const segments = pathSegments(request);
    if (segments === undefined) return sendError(response, 400, "malformed path");
    const [root, ...rest] = segments;
    if (root === "metrics" && rest.length === 0 && request.method === "GET") {
      const text = await this.#metrics.exposition();
      response.writeHead(200, { "content-type": this.#metrics.contentType }).end(text);
      return;
    }
    const route = root === "v2" ? this.#route(rest) : undefined;
    if (route === undefined) return sendError(response, 404, "Not Found", "text/plain");
    if (request.method !== route.method) return sendError(response, 405, "Method Not Allowed");
    await route.handle(request, response);
  }

  stop(): void {
    this.#engine.stop();
    this.#repository.stop();
  }

  /** What a path below `/v2` does. */
  #route(path: readonly string[]): Route | undefined {
    const [first, second, model, verb] = path;
    if (path.length === 0) return get((response) => sendJson(response, 200, serverMetadata));
    if (first === "health" && path.length === 2) {
      if (second === "live") return get((response) => sendEmpty(response, 200));
      // Triton answers 400, not 503, while it is not ready.
      if (second === "ready")
        return get((response) => sendEmpty(response, this.#repository.ready ? 200 : 400));
      return undefined;
    }
    if (first === "repository") {
      if (second === "index" && path.length === 2) return post((...exchange) => this.#index(...exchange));
      if (second !== "models" || model === undefined || path.length !== 4) return undefined;
      if (verb === "load") return post((...exchange) => this.#load(model, ...exchange));
      if (verb === "unload") return post((...exchange) => this.#unload(model, ...exchange));
      return undefined;
    }
    const target = modelTarget(path);
    if (target === undefined) return undefined;
    if (target.verb === undefined) return get((response) => this.#metadata(target, response));
    if (target.verb === "ready") return get((response) => this.#modelReady(target, response));
    if (target.verb === "infer") return post((...exchange) => this.#infer(target, ...exchange));
    return undefined;
  }

  #modelReady({ model, version }: ModelTarget, response: ServerResponse): void {
    if (this.#repository.find(model, version).ok) return sendEmpty(response, 200);
    sendError(response, 400, "Model version not ready", "text/plain");
  }

  #metadata({ model, version }: ModelTarget, response: ServerResponse): void {
    const found = this.#repository.find(model, version);
    if (!found.ok) return sendError(response, found.status, found.error);
    sendJson(response, 200, {
      name: model,
      versions: version === undefined ? this.#repository.versionsOf(model) : [version],
      platform: "emulator",
      // Any inputs are taken; these are what the load generator and the examples send.
      inputs: [{ name: "input_ids", datatype: "INT64", shape: [-1, -1] }],
      outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 2] }],
    });
  }

  async #index(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await this.#body(request, response);
    if (text === undefined) return;
    const filter = text === "" ? {} : parseJson(text);
    if (filter === undefined) return sendError(response, 500, "failed to parse the request JSON buffer");
    sendJson(response, 200, this.#repository.index(isObject(filter) && filter["ready"] === true));
  }

  async #load(model: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if ((await this.#body(request, response)) === undefined) return;
    if (await this.#repository.load(model)) return sendEmpty(response, 200);
    sendError(response, 500, `failed to load '${model}', failed to poll from model repository`);
  }

  async #unload(model: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if ((await this.#body(request, response)) === undefined) return;
    await this.#repository.unload(model);
    sendEmpty(response, 200);
  }

  async #infer(target: ModelTarget, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = this.#repository.find(target.model, target.version);
    const text = await this.#body(request, response);
    if (text === undefined) return;
    if (!found.ok) return sendError(response, found.status, found.error, "text/plain");
    const { model, version } = found;
    const parsed = parseInfer(text, model.name);
    if (!parsed.ok) return sendError(response, parsed.status, parsed.error);
    const items = parsed.body.inputs[0]?.shape[0] ?? 1;
    if (items > this.#settings.maxBatchSize) {
      const limit = `${requestPrefix(parsed.body.id)}inference request batch-size must be <= ${this.#settings.maxBatchSize} for '${model.name}'`;
      return sendError(response, 400, limit);
    }
    const pending = this.#engine.submit({
      batchKey: batchKey(model.name, version),
      items,
      parameters: model.parameters,
      onExecuted: (execution) => {
        this.#metrics.executed(model.name, version, items, execution);
        sendJson(response, 200, inferAnswer(model.name, version, parsed.body));
      },
    });
    if (pending === undefined) {
      this.#metrics.failed(model.name, version, "REJECTED");
      return sendError(response, 503, "Exceeds maximum queue size");
    }
    response.once("close", () => {
      if (response.writableEnded) return;
      pending.abort();
      this.#metrics.failed(model.name, version, "CANCELED");
    });
  }

  /** The body's text; nothing where the request was answered or its client is gone. */
  async #body(request: IncomingMessage, response: ServerResponse): Promise<string | undefined> {
    const body = await readBody(request);
    if (body.kind === "read") return body.text;
    if (body.kind === "too-large") sendError(response, 413, "request body is larger than 16 MiB");
    return undefined;
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

interface Route {
  readonly method: "GET" | "POST";
  readonly handle: Handler;
}

function get(answer: (response: ServerResponse) => void): Route {
  return { method: "GET", handle: (_, response) => answer(response) };
}

function post(handle: Handler): Route {
  return { method: "POST", handle };
}

/** A path below `/v2/models`. */
interface ModelTarget {
  readonly model: string;
  readonly version?: string;
  /** What follows the model or version, such as `infer`; absent for its metadata. */
  readonly verb?: string;
}

const serverMetadata = { name: "triton", version: "2.71.0", extensions: ["model_repository"] };

/** `models/<m>[/versions/<v>][/<verb>]`. */
function modelTarget(path: readonly string[]): ModelTarget | undefined {
  const [root, model, ...rest] = path;
  if (root !== "models" || model === undefined || model === "") return undefined;
  const version = rest[0] === "versions" ? rest[1] : undefined;
  // A version is a number to Triton; it has no path for others.
  if (rest[0] === "versions" && !/^\d+$/.test(version ?? "")) return undefined;
  const [verb, ...beyond] = version === undefined ? rest : rest.slice(2);
  if (beyond.length > 0) return undefined;
  return { model, ...(version === undefined ? {} : { version }), ...(verb === undefined ? {} : { verb }) };
}

function batchKey(model: string, version: string): string {
  return `${model}/${version}`;
}

function inferAnswer(model: string, version: string, { id, inputs }: InferBody): object {
  const data = expectedLogits(model, version, inputs);
  return {
    ...(id === undefined ? {} : { id }),
    model_name: model,
    model_version: version,
    outputs: [{ name: "logits", datatype: "FP32", shape: [data.length / 2, 2], data }],
  };
}

/** Triton declares some of its errors, those of unknown models among them, as plain text. */
function sendError(
  response: ServerResponse,
  status: number,
  error: string,
  contentType?: "text/plain",
): void {
  sendJson(response, status, { error }, contentType);
}
