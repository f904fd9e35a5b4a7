import { ProxyFailure } from "../proxy-failure.ts";
import type { Acceptance } from "./checked-credentials.ts";
import type { Credential } from "./credential.ts";
import { JsonSource, type JsonAnswer } from "./json-source.ts";
import { isName, namesAmong, principalOf, type Principal } from "./principal.ts";

/** A principal is about 1 KiB. */
const maxPrincipalBytes = 64 * 1024;

/** Role of who administers Domino. */
const adminRole = "admin";

/** Asks Domino who a credential belongs to. */
export class DominoCheck {
  readonly #source: JsonSource;

  constructor(hostUrl: string) {
    const base = new URL(hostUrl);
    base.pathname = `${base.pathname.replace(/\/+$/, "")}/v4/auth/principal`;
    this.#source = new JsonSource(base, maxPrincipalBytes);
  }

  /** Anything but a clear answer is a failure, never a yes. */
  async check(credential: Credential): Promise<Acceptance | undefined> {
    const { header, secret } = credential;
    const value = header === "authorization" ? `Bearer ${secret}` : secret;
    let answer: JsonAnswer;
    try {
      answer = await this.#source.get({ [header]: value });
    } catch (error) {
      throw new ProxyFailure("AUTH_UNAVAILABLE", undefined, { cause: error });
    }
    if (answer.status === 401 || answer.status === 403) return undefined;
    const { body } = answer;
    // Domino answers an unknown key with 200 and an anonymous principal; a login page says nothing of the kind.
    if (
      typeof body !== "object" ||
      body === null ||
      !("isAnonymous" in body) ||
      typeof body.isAnonymous !== "boolean"
    ) {
      const cause = new Error(`Domino does not say whether the caller is anonymous, status ${answer.status}`);
      throw new ProxyFailure("AUTH_UNAVAILABLE", undefined, { cause });
    }
    return body.isAnonymous ? undefined : { principal: principalIn(body, credential) };
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

/** What differs between Domino's versions is optional: only that somebody is known is certain. */
interface DominoPrincipal {
  readonly isAnonymous?: unknown;
  readonly canonicalName?: unknown;
  readonly userName?: unknown;
  readonly canonicalId?: unknown;
  readonly isAdmin?: unknown;
  readonly allSystemRoles?: unknown;
  readonly groups?: unknown;
}

function principalIn(body: DominoPrincipal, { header, fingerprint }: Credential): Principal {
  const id = [body.canonicalName, body.userName, body.canonicalId].find(isName) ?? "";
  // The role of administrators is what Domino says of a person, never a group that somebody calls so.
  const named = [...namesAmong(body.allSystemRoles), ...namesAmong(body.groups)].filter(
    (role) => role !== adminRole,
  );
  const roles = body.isAdmin === true ? [adminRole, ...named] : named;
  // Bearer tokens are renewed every few minutes: those of a user are one key.
  const isRenewed = header === "authorization" && id !== "";
  return principalOf("domino", id, roles, isRenewed ? undefined : fingerprint);
}
