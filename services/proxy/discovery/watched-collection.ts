import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { z } from "zod";
import { KubernetesRefusal, type KubernetesApi } from "./kubernetes-api.ts";

/** Who follows a collection. */
export interface CollectionFollower {
  /** Before every list; a rejection puts the list off. */
  prepare(signal: AbortSignal): Promise<void>;
  /** All objects; replaces what was known. */
  listed(objects: readonly unknown[]): void;
  changed(object: unknown): void;
  removed(object: unknown): void;
  /** A list or a watch came to nothing, or broke; what is known stays. */
  failed(): void;
}

export interface WatchedCollectionOptions {
  readonly api: KubernetesApi;
  /** Such as `/api/v1/pods`. */
  readonly path: string;
  readonly labelSelector: string;
  readonly follower: CollectionFollower;
  readonly log: Logger;
  /** @default `performance.now()` */
  readonly nowMs?: () => number;
  /**
   * Pause after the first of several failures in ms; it doubles up to sixty times as much.
   * @default 500: a restarted API server is not overrun by its clients
   */
  readonly firstPauseMs?: number;
}

/** Seconds after which the API server ends a watch. Short enough that a renewed token is soon in use. */
const watchSeconds = 300;
const longestPauseFactor = 60;
/** A watch that the server ended sooner counts as a failure, so that ending every watch at once is no busy loop. */
const leastWatchMs = 1_000;
/** What fails as often in a row from a resource version is listed anew: a restored API server does not know it. */
const failuresBeforeList = 4;
/** Status of a resource version that is too old. */
const gone = 410;

const list = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  items: z.array(z.unknown()),
});

const event = z.object({ type: z.string(), object: z.unknown() });
const versioned = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const status = z.object({ code: z.number() });

/**
 * Lists a collection of the API server and watches it from there on: after a broken connection from the last resource
 * version, and by a new list where the server no longer knows that one.
 */
export class WatchedCollection {
  readonly #options: WatchedCollectionOptions;
  readonly #nowMs: () => number;
  readonly #end = new AbortController();
  /** Where to go on; undefined where a list is due. */
  #resourceVersion: string | undefined;
  #failures = 0;
  #confirmedAtMs: number | undefined;

  constructor(options: WatchedCollectionOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    void this.#run();
  }

  /**
   * When the API server last said something: a list, that it takes a watch, an event or a bookmark, which comes every
   * minute. An open connection alone says nothing. Undefined before the first list.
   */
  get confirmedAtMs(): number | undefined {
    return this.#confirmedAtMs;
  }

  close(): void {
    this.#end.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        this.#fail(error);
      }
      const pauseMs = this.#pauseMs();
      // Rejects when it is closed, which the loop sees by itself.
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #list(): Promise<void> {
    const { api, path, labelSelector, follower } = this.#options;
    const { signal } = this.#end;
    await follower.prepare(signal);
    const query = new URLSearchParams({ labelSelector });
    const { metadata, items } = list.parse(await api.get(`${path}?${query}`, signal));
    if (signal.aborted) return;
    follower.listed(items);
    this.#resourceVersion = metadata.resourceVersion;
    this.#confirmedAtMs = this.#nowMs();
  }

  async #watch(): Promise<void> {
    const { api, path, labelSelector } = this.#options;
    const query = new URLSearchParams({
      labelSelector,
      watch: "true",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(watchSeconds),
      resourceVersion: this.#resourceVersion ?? "",
    });
    const startedAtMs = this.#nowMs();
    await api.watch(`${path}?${query}`, this.#end.signal, {
      opened: () => {
        this.#confirmedAtMs = this.#nowMs();
      },
      event: (value) => this.#take(value),
    });
    if (this.#nowMs() - startedAtMs < leastWatchMs) throw new Error("the API server ended a watch at once");
    this.#failures = 0;
  }

  #take(value: unknown): void {
    if (this.#end.signal.aborted) return;
    const { follower, path } = this.#options;
    const { type, object } = event.parse(value);
    if (type === "ERROR") throw new KubernetesRefusal(status.safeParse(object).data?.code ?? 0, path);
    if (type === "ADDED" || type === "MODIFIED") follower.changed(object);
    else if (type === "DELETED") follower.removed(object);
    // Bookmarks carry nothing else.
    this.#resourceVersion = versioned.parse(object).metadata.resourceVersion;
    this.#confirmedAtMs = this.#nowMs();
    if (this.#failures > 0) this.#options.log.info({ path }, "watching again");
    this.#failures = 0;
  }

  #fail(error: unknown): void {
    const { log, path, follower } = this.#options;
    this.#failures++;
    follower.failed();
    const isGone = error instanceof KubernetesRefusal && error.status === gone;
    if (isGone || this.#failures >= failuresBeforeList) this.#resourceVersion = undefined;
    // Once, not at every try of an outage.
    if (this.#failures === 1) log.warn({ path, err: error }, "cannot watch, what is known stays");
  }

  /** In ms. Drawn, so that the proxies of a platform do not come back together. */
  #pauseMs(): number {
    if (this.#failures === 0) return 0;
    const { firstPauseMs = 500 } = this.#options;
    const factor = Math.min(2 ** (this.#failures - 1), longestPauseFactor);
    return firstPauseMs * factor * (0.5 + Math.random() / 2);
  }
}
