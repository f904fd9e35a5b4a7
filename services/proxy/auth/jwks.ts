import { createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import { ProxyFailure } from "../proxy-failure.ts";
import { JsonSource } from "./json-source.ts";

/** Keys are fetched anew at this age, so that one that the issuer has withdrawn is not used for longer. */
const freshMs = 10 * 60_000;
/** Keys that could not be fetched anew are used up to this age: the issuer may restart, but not be gone. */
const usableMs = 60 * 60_000;
/** Least time between fetches: tokens that name made-up keys must not become a flood on the issuer. */
const minFetchIntervalMs = 10_000;
const maxKeySetBytes = 256 * 1024;

/** The public keys of an issuer of tokens. */
export class Jwks {
  readonly #source: JsonSource;
  readonly #nowMs: () => number;
  #keys: JWTVerifyGetKey | undefined;
  #fetchedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #fetching: Promise<boolean> | undefined;
  /** Why the last fetch brought no keys; undefined where it did. */
  #cause: unknown;

  constructor(url: string, nowMs: () => number) {
    this.#source = new JsonSource(new URL(url), maxKeySetBytes);
    this.#nowMs = nowMs;
  }

  /** The keys in use. Rejects with a `ProxyFailure` where there are none that are young enough. */
  async keys(): Promise<JWTVerifyGetKey> {
    if (this.#ageMs() >= freshMs) {
      const fetched = this.#refetch();
      // While the issuer is down nobody waits for it who has keys that are still usable.
      if (this.#cause === undefined || this.#ageMs() >= usableMs) await fetched;
    }
    if (!this.#keys || this.#ageMs() >= usableMs) throw this.#unavailable();
    return this.#keys;
  }

  /** The keys in use, fetched anew for a token whose key is not among them; undefined where they cannot be others. */
  async newerKeys(): Promise<JWTVerifyGetKey | undefined> {
    if (await this.#refetch()) return this.#keys;
    if (this.#cause !== undefined) throw this.#unavailable();
    return undefined;
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  /** Fetches the keys anew, where the last fetch is long enough ago; whether that brought any. Never rejects. */
  #refetch(): Promise<boolean> {
    if (this.#fetching) return this.#fetching;
    if (this.#nowMs() - this.#triedAtMs < minFetchIntervalMs) return Promise.resolve(false);
    this.#triedAtMs = this.#nowMs();
    return (this.#fetching = this.#fetch().finally(() => (this.#fetching = undefined)));
  }

  async #fetch(): Promise<boolean> {
    try {
      const { status, body } = await this.#source.get();
      if (status !== 200) throw new Error(`unexpected answer, status ${status}`);
      // Throws where the body is not a key set.
      this.#keys = createLocalJWKSet(body as Parameters<typeof createLocalJWKSet>[0]);
      this.#fetchedAtMs = this.#nowMs();
      this.#cause = undefined;
      return true;
    } catch (error) {
      this.#cause = error;
      return false;
    }
  }

  #ageMs(): number {
    return this.#nowMs() - this.#fetchedAtMs;
  }

  #unavailable(): ProxyFailure {
    return new ProxyFailure("AUTH_UNAVAILABLE", undefined, { cause: this.#cause });
  }
}
