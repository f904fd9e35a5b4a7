import { ProxyFailure } from "../proxy-failure.ts";
import { isPrintable, type Credential } from "./credential.ts";
import { DecisionCache } from "./decision-cache.ts";
import type { Principal } from "./principal.ts";

/** Who a credential belongs to. */
export interface Acceptance {
  readonly principal: Principal;
  /** What is left of the credential's own time; absent where it has none. */
  readonly trustedMs?: number;
}

/** Judges a credential: undefined refuses it. Rejects with a `ProxyFailure` where that cannot be told now. */
export type CredentialCheck = (credential: Credential) => Promise<Acceptance | undefined>;

export interface CheckSettings {
  /** How long an accepted credential is trusted. */
  readonly trustedMs: number;
  /** Clock of the cache, in ms. */
  readonly nowMs: () => number;
}

const cacheCapacity = 10_000;
/** Checks under way at once; a flood of made-up keys must not become a flood on Domino. */
const maxChecks = 256;
/** How many of them only credentials get that were good before: the flood must not lock those out. */
const keptForKnown = 64;

/** Puts a check behind a memory of its decisions, and does it once for requests that come together. */
export class CheckedCredentials {
  readonly #check: CredentialCheck;
  readonly #cache: DecisionCache;
  readonly #underWay = new Map<string, Promise<Principal | undefined>>();

  constructor(check: CredentialCheck, { trustedMs, nowMs }: CheckSettings) {
    this.#check = check;
    this.#cache = new DecisionCache(cacheCapacity, trustedMs, nowMs);
  }

  /** Who the credential belongs to, at once where that is known. Throws or rejects with a `ProxyFailure`. */
  decide(credential: Credential): Principal | Promise<Principal> {
    const known = this.#cache.get(credential.fingerprint);
    if (known === "refused") throw new ProxyFailure("CREDENTIAL_REFUSED");
    return known ?? this.#ask(credential);
  }

  async #ask(credential: Credential): Promise<Principal> {
    // Not before the memory is asked, which holds no such credential: it takes as long as all the rest for a long token.
    if (!isPrintable(credential)) throw new ProxyFailure("CREDENTIAL_REFUSED");
    const { fingerprint } = credential;
    let check = this.#underWay.get(fingerprint);
    if (!check) {
      const most = this.#cache.wasAccepted(fingerprint) ? maxChecks : maxChecks - keptForKnown;
      if (this.#underWay.size >= most) throw new ProxyFailure("AUTH_UNAVAILABLE");
      check = this.#judge(credential).finally(() => this.#underWay.delete(fingerprint));
      this.#underWay.set(fingerprint, check);
    }
    const principal = await check;
    if (!principal) throw new ProxyFailure("CREDENTIAL_REFUSED");
    return principal;
  }

  async #judge(credential: Credential): Promise<Principal | undefined> {
    const acceptance = await this.#check(credential);
    if (acceptance) this.#cache.accept(credential.fingerprint, acceptance.principal, acceptance.trustedMs);
    else this.#cache.refuse(credential.fingerprint);
    return acceptance?.principal;
  }
}
