import { Pool } from "undici";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { fingerprint, readCredential, type Credential } from "./credential.ts";
import { DecisionCache } from "./decision-cache.ts";

/** Decides who may use the proxy: settles for those who may, rejects with a `ProxyFailure` for others. */
export interface Authenticator {
  authenticate(inbound: InboundRequest): Promise<void> | undefined;
  close(): Promise<void>;
}

/** For `--auth none`: whoever reaches the proxy may use it. */
export const openAuthenticator: Authenticator = {
  authenticate: () => undefined,
  close: () => Promise.resolve(),
};

const cacheCapacity = 10_000;
/** Lookups under way at once; a flood of made-up keys must not become a flood on Domino. */
const maxLookups = 256;
const connections = 16;
const timeoutMs = 5_000;
/** A principal is about 1 KiB. */
const maxPrincipalBytes = 64 * 1024;

/** Asks Domino who a credential belongs to, once for requests that come together, and remembers the decision. */
export class DominoAuthenticator implements Authenticator {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #cache: DecisionCache;
  readonly #lookups = new Map<string, Promise<boolean>>();

  constructor(hostUrl: string, nowMs: () => number = () => performance.now()) {
    const { origin, pathname } = new URL(hostUrl);
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      connectTimeout: timeoutMs,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    this.#path = `${pathname.replace(/\/+$/, "")}/v4/auth/principal`;
    this.#cache = new DecisionCache(cacheCapacity, nowMs);
  }

  authenticate(inbound: InboundRequest): Promise<void> | undefined {
    const credential = readCredential(inbound);
    const key = fingerprint(credential);
    const known = this.#cache.get(key);
    if (known === false) throw new ProxyFailure("CREDENTIAL_REFUSED");
    return known ? undefined : this.#decide(key, credential);
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #decide(key: string, credential: Credential): Promise<void> {
    let lookup = this.#lookups.get(key);
    if (!lookup) {
      if (this.#lookups.size >= maxLookups) throw new ProxyFailure("AUTH_UNAVAILABLE");
      lookup = this.#lookUp(credential)
        .then((accepted) => {
          this.#cache.set(key, accepted);
          return accepted;
        })
        .finally(() => this.#lookups.delete(key));
      this.#lookups.set(key, lookup);
    }
    if (!(await lookup)) throw new ProxyFailure("CREDENTIAL_REFUSED");
  }

  /** Whether Domino knows the credential. Anything but a clear answer is a failure, never a yes. */
  async #lookUp({ header, value }: Credential): Promise<boolean> {
    try {
      const { statusCode, body } = await this.#pool.request({
        method: "GET",
        path: this.#path,
        headers: { [header]: value, accept: "application/json" },
      });
      if (statusCode === 401 || statusCode === 403) {
        await body.dump();
        return false;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (statusCode !== 200 || bytes > maxPrincipalBytes)
          throw new Error(`unexpected answer, status ${statusCode}`);
        chunks.push(chunk);
      }
      // Domino answers an unknown key with 200 and an anonymous principal.
      const anonymous = anonymityOf(JSON.parse(Buffer.concat(chunks).toString("utf8")));
      if (anonymous === undefined) throw new Error("the principal does not say whether it is anonymous");
      return !anonymous;
    } catch (error) {
      throw new ProxyFailure("AUTH_UNAVAILABLE", undefined, { cause: error });
    }
  }
}

/** Undefined where the answer does not say it, such as that of a login page. */
function anonymityOf(principal: unknown): boolean | undefined {
  if (typeof principal !== "object" || principal === null || !("isAnonymous" in principal)) return undefined;
  return typeof principal.isAnonymous === "boolean" ? principal.isAnonymous : undefined;
}
