import { setTimeout } from "node:timers/promises";
import { askEngine, type EngineReply } from "../ask-engine.ts";
import type { Deadlines } from "../connection/deadlines.ts";
import type { Endpoints } from "../endpoints.ts";
import { ProxyFailure } from "../../proxy-failure.ts";

/** A large model takes minutes to load from a network file system. */
const loadTimeoutMs = 300_000;

/** An engine lets a model go once the requests in it have ended, those of other proxies too. */
const unloadTimeoutMs = 60_000;

const questionTimeoutMs = 5_000;

/** Between two looks at a model that goes: a small one is gone at the first, a large one takes seconds. */
const firstLookMs = 5;
const longestLookMs = 500;

/** In these states a model takes up memory. */
const presentStates: ReadonlySet<unknown> = new Set(["READY", "LOADING", "UNLOADING"]);

/** The model repository API of one engine. Its questions reject with a `ProxyFailure` where nobody answers them. */
export interface EngineRepository {
  /** Rejects with MODEL_LOAD_FAILED where the engine cannot. Does no harm to a model that is loaded. */
  load(model: string): Promise<void>;
  /** Resolves when the model has left the memory; false where the engine does not unload it. */
  unload(model: string): Promise<boolean>;
  /** Names of the models that are loaded. */
  loaded(): Promise<ReadonlySet<string>>;
  isReady(model: string): Promise<boolean>;
}

/** The repository of the engine at a base URL. */
export class HttpEngineRepository implements EngineRepository {
  readonly #engines: { readonly endpoints: Endpoints; readonly deadlines: Deadlines };
  readonly #url: string;

  constructor(engines: { readonly endpoints: Endpoints; readonly deadlines: Deadlines }, url: string) {
    this.#engines = engines;
    this.#url = url;
  }

  async load(model: string): Promise<void> {
    let reply: EngineReply;
    try {
      reply = await this.#post(`/v2/repository/models/${encodeURIComponent(model)}/load`, {}, loadTimeoutMs);
    } catch (error) {
      // Loading twice does no harm, so every broken connection may be answered by trying another endpoint.
      throw new ProxyFailure("ENGINE_UNREACHABLE", undefined, { cause: error });
    }
    if (reply.status !== 200) throw new ProxyFailure("MODEL_LOAD_FAILED");
  }

  async unload(model: string): Promise<boolean> {
    const untilMs = performance.now() + unloadTimeoutMs;
    const path = `/v2/repository/models/${encodeURIComponent(model)}/unload`;
    const { status } = await this.#post(path, {}, unloadTimeoutMs);
    if (status !== 200) return false;
    // Triton answers before the model has gone, and what comes next may need its memory.
    for (
      let lookMs = firstLookMs;
      performance.now() < untilMs;
      lookMs = Math.min(lookMs * 2, longestLookMs)
    ) {
      const entries = await this.#index({});
      if (!entries.some(({ name, state }) => name === model && presentStates.has(state))) return true;
      await setTimeout(lookMs, undefined, { ref: false });
    }
    throw new ProxyFailure("DEADLINE_EXCEEDED", "The model does not leave the engine.");
  }

  async loaded(): Promise<ReadonlySet<string>> {
    const entries = await this.#index({ ready: true });
    return new Set(entries.filter(({ state }) => state === "READY").map(({ name }) => name));
  }

  async isReady(model: string): Promise<boolean> {
    const { status } = await askEngine(this.#engines, this.#url, {
      method: "GET",
      path: `/v2/models/${encodeURIComponent(model)}/ready`,
      timeoutMs: questionTimeoutMs,
    });
    return status === 200;
  }

  async #index(filter: object): Promise<readonly { readonly name: string; readonly state: unknown }[]> {
    const { status, body } = await this.#post("/v2/repository/index", filter, questionTimeoutMs);
    if (status !== 200) throw new ProxyFailure("ENGINE_ANSWER_INVALID");
    return readIndex(body);
  }

  #post(path: string, body: object, timeoutMs: number): Promise<EngineReply> {
    const question = { method: "POST", path, body: JSON.stringify(body), timeoutMs } as const;
    return askEngine(this.#engines, this.#url, question);
  }
}

function readIndex(body: Buffer): readonly { readonly name: string; readonly state: unknown }[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new ProxyFailure("ENGINE_ANSWER_INVALID", undefined, { cause: error });
  }
  if (!Array.isArray(value)) throw new ProxyFailure("ENGINE_ANSWER_INVALID");
  return value.flatMap((entry: unknown) => {
    if (typeof entry !== "object" || entry === null) return [];
    const { name, state } = entry as Record<string, unknown>;
    return typeof name === "string" ? [{ name, state }] : [];
  });
}
