import { hash } from "node:crypto";

/** How somebody proved who they are; `anonymous` where nobody was asked. */
export type PrincipalKind = "domino" | "jwt" | "token" | "certificate" | "anonymous";

/** Who sends a request. */
export interface Principal {
  /** Name of the user or service, as allow lists name it. Empty where the issuer names nobody. */
  readonly id: string;
  readonly roles: readonly string[];
  readonly kind: PrincipalKind;
  /**
   * What limits and audit lines count by: the same for every credential of one user or service, so that a new key or a
   * renewed token is no new allowance. 22 characters after the kind.
   */
  readonly key: string;
}

/** For `--auth none`. */
export const anonymous: Principal = principalOf("anonymous", "anonymous", []);

/** @param source what the key is made of where the issuer names nobody: the fingerprint of the credential */
export function principalOf(
  kind: PrincipalKind,
  id: string,
  roles: readonly string[],
  source: string = id,
): Principal {
  const key = `${kind}:${hash("sha256", `${kind}\0${source}`, "base64url").slice(0, 22)}`;
  return { id, roles, kind, key };
}

/** Longest name of a user, service or role. */
const maxNameLength = 256;

/** The names among values from outside: texts that are safe to log and to compare. At most 1,000 of them. */
export function namesAmong(values: unknown): string[] {
  return Array.isArray(values) ? values.filter(isName).slice(0, 1_000) : [];
}

export function isName(value: unknown): value is string {
  return (
    typeof value === "string" &&
    value.length > 0 &&
    value.length <= maxNameLength &&
    !/[\x00-\x1f\x7f]/.test(value)
  );
}
