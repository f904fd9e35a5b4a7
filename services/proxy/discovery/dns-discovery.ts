import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { Logger } from "pino";
import { isSameList, withAddress } from "./address-url.ts";
import type { EndpointSource, FollowedUrl } from "./endpoint-source.ts";

interface AddressRecord {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

/** What is needed of `Resolver` of node:dns. */
export interface AddressResolver {
  resolve4(host: string, options: { ttl: true }): Promise<readonly AddressRecord[]>;
  resolve6(host: string, options: { ttl: true }): Promise<readonly AddressRecord[]>;
  cancel(): void;
}

export interface DnsDiscoveryOptions {
  readonly log: Logger;
  /** @default the name servers of the machine */
  readonly resolver?: AddressResolver;
  /** @default `performance.now()` */
  readonly nowMs?: () => number;
}

/** Least time between two questions for a name: a TTL of 0 must not become a flood. */
const leastRefreshMs = 1_000;
/** Longest time that a replica which has gone is believed in, whatever the TTL. */
const longestRefreshMs = 30_000;
/** After a failure and while a name has no address: CoreDNS's own default TTL. */
const defaultRefreshMs = 5_000;

/**
 * Empty answers in a row, a second apart, after which a name's addresses are believed to be gone. A name server that
 * has just started, or one of several that lags behind, says NXDOMAIN of names that exist. To believe the first would
 * fail every request at once; to believe it two seconds late costs those of a model that was really scaled to zero a
 * refused connection instead of a 503.
 */
const emptyAnswersBelieved = 3;

/** Two tries of 2 s: well below the time that a failure is noticed in. */
const resolverOptions = { timeout: 2_000, tries: 2 };

/**
 * Addresses by the DNS, asked again when their TTL ends. The names must be complete: neither search domains nor the
 * hosts file are used. IPv6 addresses count only where there is no IPv4 address, as those of a dual-stack Service are
 * the same pods again.
 */
export class DnsDiscovery implements EndpointSource {
  readonly #log: Logger;
  readonly #resolver: AddressResolver;
  readonly #nowMs: () => number;

  constructor({
    log,
    resolver = new Resolver(resolverOptions),
    nowMs = () => performance.now(),
  }: DnsDiscoveryOptions) {
    this.#log = log;
    this.#resolver = resolver;
    this.#nowMs = nowMs;
  }

  follow(url: string, changed: (addresses: readonly string[]) => void): FollowedUrl {
    return new FollowedName(url, this.#resolver, this.#nowMs, this.#log, changed);
  }

  close(): void {
    this.#resolver.cancel();
  }
}

class FollowedName implements FollowedUrl {
  confirmedAtMs: number | undefined;
  failedLooks = 0;
  readonly #url: string;
  readonly #host: string;
  readonly #resolver: AddressResolver;
  readonly #nowMs: () => number;
  readonly #log: Logger;
  readonly #changed: (addresses: readonly string[]) => void;
  #addresses: readonly string[] | undefined;
  #emptyAnswers = 0;
  #isFailing = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    url: string,
    resolver: AddressResolver,
    nowMs: () => number,
    log: Logger,
    changed: (addresses: readonly string[]) => void,
  ) {
    this.#url = url;
    this.#host = new URL(url).hostname.replace(/^\[|\]$/g, "");
    this.#resolver = resolver;
    this.#nowMs = nowMs;
    this.#log = log;
    this.#changed = changed;
    void this.#refresh();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #refresh(): Promise<void> {
    let nextMs = defaultRefreshMs;
    try {
      const records = await resolveHost(this.#resolver, this.#host);
      if (this.#isClosed) return;
      if (this.#isFailing) this.#log.info({ host: this.#host }, "the name is resolved again");
      this.#isFailing = false;
      nextMs = this.#take(records);
    } catch (error) {
      if (this.#isClosed) return;
      this.failedLooks++;
      // Once, not every 5 s of an outage.
      if (!this.#isFailing)
        this.#log.warn({ host: this.#host, err: error }, "cannot resolve, the last addresses stay");
      this.#isFailing = true;
    }
    this.#timer = setTimeout(() => void this.#refresh(), nextMs).unref();
  }

  /** Gives the time until the next question, in ms. */
  #take(records: readonly AddressRecord[]): number {
    this.#emptyAnswers = records.length === 0 ? this.#emptyAnswers + 1 : 0;
    const holdsAddresses = this.#addresses !== undefined && this.#addresses.length > 0;
    if (holdsAddresses && records.length === 0 && this.#emptyAnswers < emptyAnswersBelieved)
      return leastRefreshMs;
    this.confirmedAtMs = this.#nowMs();
    const addresses = [...new Set(records.map(({ address }) => withAddress(this.#url, address)))].toSorted();
    if (this.#addresses === undefined || !isSameList(this.#addresses, addresses)) {
      this.#addresses = addresses;
      this.#changed(addresses);
    }
    if (records.length === 0) return defaultRefreshMs;
    const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1_000;
    return Math.min(Math.max(ttlMs, leastRefreshMs), longestRefreshMs);
  }
}

/** Empty where the name servers say that there is nothing. Rejects where they say nothing. */
async function resolveHost(resolver: AddressResolver, host: string): Promise<readonly AddressRecord[]> {
  // An address stands for itself, and is asked for as seldom as possible.
  if (isIP(host) !== 0) return [{ address: host, ttl: longestRefreshMs / 1_000 }];
  const byIPv4 = await orEmpty(resolver.resolve4(host, { ttl: true }));
  return byIPv4.length > 0 ? byIPv4 : orEmpty(resolver.resolve6(host, { ttl: true }));
}

async function orEmpty(answer: Promise<readonly AddressRecord[]>): Promise<readonly AddressRecord[]> {
  try {
    return await answer;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // NXDOMAIN, and a name that has records of other types only.
    if (code === "ENOTFOUND" || code === "ENODATA") return [];
    throw error;
  }
}
