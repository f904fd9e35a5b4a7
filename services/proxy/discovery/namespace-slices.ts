import type { Logger } from "pino";
import { isSameList } from "./address-url.ts";
import type { FollowedUrl } from "./endpoint-source.ts";
import { KubernetesRefusal, type KubernetesApi } from "./kubernetes-api.ts";
import type { ServiceAddress } from "./service-address.ts";
import {
  endpointsOf,
  objectName,
  readService,
  readSlice,
  selectorOf,
  type ServiceFacts,
  type SliceFacts,
} from "./slice-facts.ts";
import { WatchedCollection, type CollectionFollower } from "./watched-collection.ts";

export interface NamespaceSlicesOptions {
  readonly api: KubernetesApi;
  readonly log: Logger;
  readonly nowMs: () => number;
  /** Of the `WatchedCollection`. */
  readonly firstPauseMs?: number;
}

/** A hundred thousand pods: beyond that the namespace is not what a proxy balances, and must not fill its memory. */
const maxSlices = 1_000;

/** Until the second look at a Service whose port and slices do not fit together; doubles up to the longest. */
const firstRereadMs = 1_000;
const longestRereadMs = 300_000;

interface FollowedService extends FollowedUrl {
  readonly url: string;
  readonly address: ServiceAddress;
  readonly changed: (urls: readonly string[]) => void;
  urls: readonly string[] | undefined;
  failedLooks: number;
}

/**
 * The slices of the followed Services of one namespace, by one watch. A Service that comes later opens the watch anew
 * with it, while the lists of the others stay.
 */
export class NamespaceSlices implements CollectionFollower {
  readonly #namespace: string;
  readonly #options: NamespaceSlicesOptions;
  readonly #followed = new Set<FollowedService>();
  readonly #slices = new Map<string, SliceFacts>();
  readonly #services = new Map<string, ServiceFacts | undefined>();
  readonly #rereads = new Map<string, NodeJS.Timeout>();
  readonly #end = new AbortController();
  #watched: { readonly services: ReadonlySet<string>; readonly collection: WatchedCollection } | undefined;
  /** Of the watch before the present one. */
  #lastConfirmedAtMs: number | undefined;
  #isOpening = false;

  constructor(namespace: string, options: NamespaceSlicesOptions) {
    this.#namespace = namespace;
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#followed.size === 0;
  }

  follow(url: string, address: ServiceAddress, changed: (urls: readonly string[]) => void): FollowedUrl {
    const confirmedAtMs = (): number | undefined =>
      this.#watched?.collection.confirmedAtMs ?? this.#lastConfirmedAtMs;
    const followed: FollowedService = {
      url,
      address,
      changed,
      urls: undefined,
      failedLooks: 0,
      get confirmedAtMs() {
        return followed.urls === undefined ? undefined : confirmedAtMs();
      },
      close: () => {
        this.#followed.delete(followed);
        if (this.isEmpty) this.close();
      },
    };
    this.#followed.add(followed);
    if (!this.#watched?.services.has(address.service)) this.#openSoon();
    // The first answer may be known from another URL of the same Service.
    else if (this.#watched.collection.confirmedAtMs !== undefined)
      queueMicrotask(() => this.#publish(address.service));
    return followed;
  }

  close(): void {
    this.#end.abort();
    this.#watched?.collection.close();
    this.#watched = undefined;
    for (const timer of this.#rereads.values()) clearTimeout(timer);
    this.#rereads.clear();
  }

  async prepare(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#names()].map((service) => this.#readService(service, signal)));
  }

  listed(objects: readonly unknown[]): void {
    this.#slices.clear();
    for (const object of objects) this.#keep(readSlice(object));
    for (const service of this.#names()) this.#publish(service, { isServiceCurrent: true });
  }

  changed(object: unknown): void {
    const slice = readSlice(object);
    const before = this.#slices.get(objectName(object) ?? "");
    if (before !== undefined && before.service !== slice?.service) this.removed(object);
    if (slice === undefined) return;
    this.#keep(slice);
    this.#publish(slice.service);
  }

  removed(object: unknown): void {
    // By its name alone: a slice leaves the watch by losing its label, too.
    const slice = this.#slices.get(objectName(object) ?? "");
    if (slice === undefined) return;
    this.#slices.delete(slice.name);
    this.#publish(slice.service);
  }

  failed(): void {
    for (const followed of this.#followed) followed.failedLooks++;
  }

  #names(): ReadonlySet<string> {
    return new Set([...this.#followed].map(({ address }) => address.service));
  }

  /** One watch for all that a routing table asks for in one go. */
  #openSoon(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    queueMicrotask(() => {
      this.#isOpening = false;
      if (this.#end.signal.aborted) return;
      this.#lastConfirmedAtMs = this.#watched?.collection.confirmedAtMs ?? this.#lastConfirmedAtMs;
      this.#watched?.collection.close();
      const services = this.#names();
      const { api, log, nowMs, firstPauseMs } = this.#options;
      const collection = new WatchedCollection({
        api,
        path: `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(this.#namespace)}/endpointslices`,
        labelSelector: selectorOf(services),
        follower: this,
        log,
        nowMs,
        ...(firstPauseMs !== undefined && { firstPauseMs }),
      });
      this.#watched = { services, collection };
    });
  }

  #keep(slice: SliceFacts | undefined): void {
    if (slice === undefined) return;
    if (this.#slices.size < maxSlices || this.#slices.has(slice.name)) this.#slices.set(slice.name, slice);
    else
      this.#options.log.warn(
        { namespace: this.#namespace, slice: slice.name },
        "too many slices, one is not used",
      );
  }

  #publish(service: string, { isServiceCurrent } = { isServiceCurrent: false }): void {
    const slices = [...this.#slices.values()].filter((slice) => slice.service === service);
    const facts = this.#services.get(service);
    const followedHere = [...this.#followed].filter(({ address }) => address.service === service);
    let isPortMissing = false;
    for (const followed of followedHere) {
      const { urls, ...found } = endpointsOf(followed.url, followed.address.port, slices, facts);
      isPortMissing ||= found.isPortMissing;
      // A port that has just been renamed is no reason to have no endpoint until the Service has been read again.
      if (found.isPortMissing && urls.length === 0 && !isServiceCurrent) continue;
      if (followed.urls !== undefined && isSameList(followed.urls, urls)) continue;
      followed.urls = urls;
      followed.changed(urls);
    }
    if (isPortMissing) this.#rereadLater(service);
    else this.#forgetReread(service);
  }

  /** Reads what a Service calls its ports. One that does not exist yet, or may not be read, is done without. */
  async #readService(service: string, signal: AbortSignal): Promise<void> {
    const path = `/api/v1/namespaces/${encodeURIComponent(this.#namespace)}/services/${encodeURIComponent(service)}`;
    try {
      this.#services.set(service, readService(await this.#options.api.get(path, signal)));
    } catch (error) {
      if (!(error instanceof KubernetesRefusal) || (error.status !== 404 && error.status !== 403))
        throw error;
      if (!this.#services.has(service)) {
        this.#options.log.warn({ err: error }, "cannot read a Service, the port of its slices is used");
      }
      this.#services.set(service, undefined);
    }
  }

  #rereadLater(service: string, delayMs: number = firstRereadMs): void {
    if (this.#rereads.has(service)) return;
    const reread = async (): Promise<void> => {
      const { signal } = this.#end;
      // A failure is like a Service that still does not fit.
      await this.#readService(service, signal).catch(() => {});
      if (signal.aborted) return;
      this.#rereads.delete(service);
      this.#rereadLater(service, Math.min(delayMs * 2, longestRereadMs));
      this.#publish(service, { isServiceCurrent: true });
    };
    this.#rereads.set(service, setTimeout(() => void reread(), delayMs).unref());
  }

  #forgetReread(service: string): void {
    clearTimeout(this.#rereads.get(service));
    this.#rereads.delete(service);
  }
}
