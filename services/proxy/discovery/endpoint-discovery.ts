import type { Logger } from "pino";
import type { RouteTarget } from "../../../platform/routes/routing-table.ts";
import type { EndpointSource, FollowedUrl } from "./endpoint-source.ts";

export type DiscoveryKind = NonNullable<RouteTarget["discovery"]>;

/** Most addresses of one base URL, above any Service that this proxy balances: an answer must not fill its memory. */
const maxAddresses = 1_000;

export interface EndpointDiscoveryOptions {
  /** Each is made when a routing table first needs it: a proxy of static endpoints opens nothing. */
  readonly sources: Readonly<Record<DiscoveryKind, () => EndpointSource>>;
  readonly log: Logger;
  /** Called after a list has changed, and when it is first known. */
  readonly changed: (kind: DiscoveryKind, url: string, addresses: readonly string[]) => void;
  /** @default `performance.now()` */
  readonly nowMs?: () => number;
}

/** How a followed URL stands, for metrics. */
export interface DiscoveryState {
  readonly kind: DiscoveryKind;
  readonly url: string;
  /** Undefined before the first answer. */
  readonly addressCount: number | undefined;
  /** Seconds since its source last answered; undefined before the first answer. */
  readonly ageSeconds: number | undefined;
  /** Since it is followed. */
  readonly failedLooks: number;
}

interface Entry {
  readonly kind: DiscoveryKind;
  readonly url: string;
  readonly followed: FollowedUrl;
  addresses: readonly string[] | undefined;
}

/**
 * Keeps for every discovered base URL of the routing table the base URLs of its addresses. A list stays as it is while
 * its source cannot be asked: replicas that answer are better than none.
 */
export class EndpointDiscovery {
  readonly #options: EndpointDiscoveryOptions;
  readonly #nowMs: () => number;
  readonly #sources = new Map<DiscoveryKind, EndpointSource>();
  readonly #entries: Readonly<Record<DiscoveryKind, Map<string, Entry>>> = {
    dns: new Map(),
    "endpoint-slices": new Map(),
  };

  constructor(options: EndpointDiscoveryOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Follows the discovered URLs among the endpoints of these targets, and no others any more. */
  retain(targets: Iterable<Pick<RouteTarget, "endpoints" | "discovery">>): void {
    const wanted = { dns: new Set<string>(), "endpoint-slices": new Set<string>() };
    for (const { discovery, endpoints } of targets) {
      if (discovery === undefined) continue;
      for (const url of endpoints) wanted[discovery].add(url);
    }
    for (const kind of ["dns", "endpoint-slices"] as const) {
      const entries = this.#entries[kind];
      // New ones first, so that what they share with those that leave stays open.
      for (const url of wanted[kind]) if (!entries.has(url)) entries.set(url, this.#follow(kind, url));
      for (const [url, { followed }] of entries) {
        if (wanted[kind].has(url)) continue;
        entries.delete(url);
        followed.close();
      }
    }
  }

  /** Base URLs of a URL's addresses, sorted; undefined before the first answer and for what is not followed. */
  addressesOf(kind: DiscoveryKind, url: string): readonly string[] | undefined {
    return this.#entries[kind].get(url)?.addresses;
  }

  /** Whether every followed URL has had its first answer. */
  get isComplete(): boolean {
    return this.#all().every(({ addresses }) => addresses !== undefined);
  }

  states(): readonly DiscoveryState[] {
    const nowMs = this.#nowMs();
    return this.#all().map(({ kind, url, addresses, followed: { confirmedAtMs, failedLooks } }) => ({
      kind,
      url,
      addressCount: addresses?.length,
      ageSeconds: confirmedAtMs === undefined ? undefined : (nowMs - confirmedAtMs) / 1_000,
      failedLooks,
    }));
  }

  close(): void {
    this.retain([]);
    for (const source of this.#sources.values()) source.close();
    this.#sources.clear();
  }

  #all(): readonly Entry[] {
    return Object.values(this.#entries).flatMap((entries) => [...entries.values()]);
  }

  #follow(kind: DiscoveryKind, url: string): Entry {
    const entry: Entry = {
      kind,
      url,
      addresses: undefined,
      followed: this.#source(kind).follow(url, (addresses) => {
        this.#take(entry, addresses);
      }),
    };
    return entry;
  }

  #take(entry: Entry, found: readonly string[]): void {
    const { kind, url } = entry;
    const { log, changed } = this.#options;
    if (found.length > maxAddresses) {
      log.warn({ url, found: found.length, used: maxAddresses }, "more addresses than the proxy uses");
    }
    const addresses = found.slice(0, maxAddresses);
    log.info(
      { url, discovery: kind, before: entry.addresses?.length, now: addresses.length },
      "endpoints changed",
    );
    entry.addresses = addresses;
    changed(kind, url, addresses);
  }

  #source(kind: DiscoveryKind): EndpointSource {
    const source = this.#sources.get(kind) ?? this.#options.sources[kind]();
    this.#sources.set(kind, source);
    return source;
  }
}
