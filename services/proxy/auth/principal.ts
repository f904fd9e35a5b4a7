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
   * Stands for the user or service in limits and audit lines, 22 characters: the same whatever it shows, as it is the
   * same in allow lists.
   */
  readonly caller: string;
  /**
   * Stands for what it shows, in the same form: each API key and each service token by itself. Where credentials are
   * renewed by themselves, what stays the same names them, or each renewal would be a new allowance.
   */
  readonly key: string;
}

/** For `--auth none`. */
export const anonymous: Principal = principalOf("anonymous", "anonymous", []);

/**
 * @param keySource what tells this credential from the caller's others; without it they are one. Where the issuer names
 * nobody it is all that is known of the caller.
 */
export function principalOf(
  kind: PrincipalKind,
  id: string,
  roles: readonly string[],
  keySource?: string,
): Principal {
  // Names hold no NUL, and neither do sources.
  const caller = digest(id === "" ? `nobody\0${kind}\0${keySource ?? ""}` : `somebody\0${id}`);
  const key = digest(`key\0${kind}\0${id}\0${keySource ?? ""}`);
  return { id, roles, kind, caller, key };
}

function digest(source: string): string {
  return hash("sha256", source, "base64url").slice(0, 22);
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
