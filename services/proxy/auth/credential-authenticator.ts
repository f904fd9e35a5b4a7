import { ProxyFailure } from "../proxy-failure.ts";
import type { Authenticator, Sender } from "./authenticator.ts";
import { principalOfCertificate } from "./certificate-principal.ts";
import type { CheckedCredentials } from "./checked-credentials.ts";
import { credentialOf, looksLikeJwt, type Credential, type CredentialHeader } from "./credential.ts";
import type { Principal } from "./principal.ts";
import type { StaticTokens } from "./static-tokens.ts";

/** What the kinds of credentials that are taken are judged by; absent ones are not taken. */
export interface Judges {
  readonly domino?: CheckedCredentials;
  readonly jwt?: CheckedCredentials;
  readonly token?: StaticTokens;
  readonly certificate?: true;
  close(): Promise<void>;
}

/**
 * Takes credentials of several kinds. One of them decides, and where it is refused no other one is tried, so that what
 * is sent along with a bad credential cannot make it good:
 *
 * 1. of the headers that a kind in use reads, the first of `x-domino-api-key`, `x-api-key` and `authorization`;
 * 2. of a bearer token: the service whose token it is, else a JWT where it has three parts, else Domino's;
 * 3. without such a header the client certificate.
 */
export class CredentialAuthenticator implements Authenticator {
  readonly #judges: Judges;
  readonly #headers: readonly CredentialHeader[];

  constructor(judges: Judges) {
    this.#judges = judges;
    const headers: CredentialHeader[] = [];
    if (judges.domino) headers.push("x-domino-api-key");
    if (judges.token) headers.push("x-api-key");
    if (judges.domino || judges.token || judges.jwt) headers.push("authorization");
    this.#headers = headers;
  }

  authenticate(sender: Sender): Principal | Promise<Principal> {
    for (const header of this.#headers) {
      const value = sender.header(header);
      if (value !== undefined) return this.#judge(credentialOf(header, value));
    }
    if (this.#judges.certificate) return principalOfCertificate(sender.socket);
    throw new ProxyFailure("CREDENTIAL_MISSING");
  }

  close(): Promise<void> {
    return this.#judges.close();
  }

  #judge(credential: Credential): Principal | Promise<Principal> {
    const { domino, jwt, token } = this.#judges;
    if (credential.header !== "x-domino-api-key") {
      const service = token?.find(credential.fingerprint);
      if (service) return service;
    }
    if (credential.header === "x-api-key") throw new ProxyFailure("CREDENTIAL_REFUSED");
    if (jwt && credential.header === "authorization" && looksLikeJwt(credential.secret))
      return jwt.decide(credential);
    if (domino) return domino.decide(credential);
    throw new ProxyFailure("CREDENTIAL_REFUSED");
  }
}
