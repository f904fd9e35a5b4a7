import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions } from "jose";
import { ProxyFailure } from "../proxy-failure.ts";
import { jwtDefaults, type JwtAuth } from "../proxy-options.ts";
import type { Acceptance } from "./checked-credentials.ts";
import type { Credential } from "./credential.ts";
import { Jwks } from "./jwks.ts";
import { isName, namesAmong, principalOf } from "./principal.ts";

/** Signatures by a private key only: with a shared secret the published key would itself be the secret. */
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/** The clocks of a check: one for ages, one for the times that tokens state. */
export interface JwtClocks {
  readonly nowMs: () => number;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
}

/** Verifies tokens by the keys that their issuer publishes. Keys that a token itself names or brings are not used. */
export class JwtCheck {
  readonly #jwks: Jwks;
  readonly #options: JWTVerifyOptions;
  readonly #userClaim: string;
  readonly #rolesClaim: string;
  readonly #epochMs: () => number;

  constructor(auth: JwtAuth, { nowMs, epochMs }: JwtClocks) {
    const { jwksUrl, issuer, audience, userClaim, rolesClaim, clockSkewSeconds } = {
      ...jwtDefaults,
      ...auth,
    };
    this.#jwks = new Jwks(jwksUrl, nowMs);
    this.#options = {
      algorithms,
      issuer,
      audience,
      clockTolerance: clockSkewSeconds,
      requiredClaims: ["exp", userClaim],
    };
    this.#userClaim = userClaim;
    this.#rolesClaim = rolesClaim;
    this.#epochMs = epochMs;
  }

  /** Rejects with a `ProxyFailure` where the issuer's keys cannot be had. */
  async check({ secret }: Credential): Promise<Acceptance | undefined> {
    const payload = await this.#verified(secret);
    const id = payload?.[this.#userClaim];
    if (!payload || !isName(id)) return undefined;
    const principal = principalOf("jwt", id, namesAmong(payload[this.#rolesClaim]), clientOf(payload));
    // In the time that clocks may differ by, after its end, a token is good but not remembered.
    return { principal, trustedMs: (payload.exp ?? 0) * 1000 - this.#epochMs() };
  }

  close(): Promise<void> {
    return this.#jwks.close();
  }

  async #verified(token: string): Promise<JWTPayload | undefined> {
    try {
      return await this.#verify(token, await this.#jwks.keys());
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) return refusedOr(error);
    }
    // The issuer may have taken a new key into use.
    const keys = await this.#jwks.newerKeys();
    if (!keys) return undefined;
    try {
      return await this.#verify(token, keys);
    } catch (error) {
      return refusedOr(error);
    }
  }

  async #verify(token: string, keys: JWTVerifyGetKey): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, keys, {
      ...this.#options,
      currentDate: new Date(this.#epochMs()),
    });
    return payload;
  }
}

/** The application that a token was issued to, as Keycloak or else RFC 9068 says; the same after its renewal. */
function clientOf({ azp, client_id: clientId }: JWTPayload): string | undefined {
  return [azp, clientId].find(isName);
}

/** What a token is refused for is not told: it would help only who makes them up. */
function refusedOr(error: unknown): undefined {
  if (error instanceof ProxyFailure) throw error;
  // Keys of a token or a key set that cannot be used throw other errors than those of the library.
  return undefined;
}
