import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { KubernetesAccess } from "./kubernetes-access.ts";

/** An answer of the API server other than 200. */
export class KubernetesRefusal extends Error {
  override readonly name = "KubernetesRefusal";
  /** HTTP status. */
  readonly status: number;

  constructor(status: number, path: string) {
    super(`the API server answered ${status} to ${path}`);
    this.status = status;
  }
}

/** Slices of a hundred pods are 30 KiB each. */
const maxListBytes = 32 * 1024 * 1024;
/** An object is at most 1.5 MiB in etcd. */
const maxEventChars = 4 * 1024 * 1024;
const getTimeoutMs = 30_000;
/**
 * A watch says something every minute, bookmarks at least. One that is silent for longer hangs on a connection that is
 * gone without a word, such as after the loss of a node.
 */
const watchSilenceMs = 150_000;

/** Who listens to a watch. */
export interface WatchListener {
  /** The API server has taken the watch: from here on no change is missed. */
  opened(): void;
  /** What it throws ends the watch. */
  event(value: unknown): void;
}

/**
 * The two calls that following a collection takes, on `node:https`. The official client costs 60 MB of memory more for
 * them, beside what a proxy holds anyway: a third of what it may use.
 */
export class KubernetesApi {
  readonly #access: KubernetesAccess;

  constructor(access: KubernetesAccess) {
    this.#access = access;
  }

  /** @throws KubernetesRefusal */
  async get(path: string, signal: AbortSignal): Promise<unknown> {
    const response = await this.#open(
      path,
      AbortSignal.any([signal, AbortSignal.timeout(getTimeoutMs)]),
      getTimeoutMs,
    );
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxListBytes) throw new Error(`the answer to ${path} is larger than ${maxListBytes} bytes`);
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  }

  /**
   * Hands on the events of a watch until the API server ends it.
   *
   * @throws KubernetesRefusal, and the error of a connection that breaks
   */
  async watch(path: string, signal: AbortSignal, listener: WatchListener): Promise<void> {
    const response = await this.#open(path, signal, watchSilenceMs);
    listener.opened();
    response.setEncoding("utf8");
    let pending = "";
    for await (const text of response as AsyncIterable<string>) {
      const lines = (pending + text).split("\n");
      pending = lines.pop() ?? "";
      if (pending.length > maxEventChars) throw new Error(`an event of ${path} is too long`);
      for (const line of lines) if (line !== "") listener.event(JSON.parse(line));
    }
  }

  async #open(path: string, signal: AbortSignal, silenceMs: number): Promise<IncomingMessage> {
    const [ca, token] = await Promise.all([this.#access.certificateAuthority(), this.#access.token()]);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request(`${this.#access.server}${path}`, {
      agent: false,
      ca,
      signal,
      timeout: silenceMs,
      headers: { authorization: `Bearer ${token}`, accept: "application/json" },
    });
    outgoing.once("response", resolve);
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no word for ${silenceMs} ms on ${path}`)));
    outgoing.on("error", reject);
    outgoing.end();
    const response = await promise;
    if (response.statusCode === 200) return response;
    response.destroy();
    throw new KubernetesRefusal(response.statusCode ?? 0, path);
  }
}
