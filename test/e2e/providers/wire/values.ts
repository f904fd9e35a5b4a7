import { signatureKey, signatures, unknownMark } from "../../../../services/automation/wire-values.ts";

/**
 * Properties as the engine sends them to a plugin that takes secrets: plain JSON, in which a secret is an object with a
 * signature and what nobody knows during a preview is a mark.
 */
export type Wire = Readonly<Record<string, unknown>>;

export function isUnknown(value: unknown): boolean {
  return value === unknownMark;
}

export function isObject(value: unknown): value is Wire {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSecret(value: unknown): value is { readonly value: unknown } {
  return isObject(value) && value[signatureKey] === signatures.secret;
}

/** Whether a part of it becomes known only during the update. */
export function hasUnknown(value: unknown): boolean {
  if (isUnknown(value)) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isObject(value) && Object.values(value).some(hasUnknown);
}

/** The same value with its secrets in clear; for the API behind the provider, never for messages. */
export function revealed(value: unknown): unknown {
  if (isSecret(value)) return revealed(value.value);
  if (Array.isArray(value)) return value.map(revealed);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]));
}

export function revealedProperties(wire: Wire): Record<string, unknown> {
  return revealed(wire) as Record<string, unknown>;
}

export function secretOf(value: unknown): unknown {
  return isSecret(value) || value === undefined
    ? value
    : { [signatureKey]: signatures.secret, value: revealed(value) };
}

/** `value` with a secret wherever `pattern` has one at the same place. */
export function withSecretsOf(pattern: unknown, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (isSecret(pattern)) return secretOf(value);
  if (isSecret(value)) return value;
  if (Array.isArray(pattern) && Array.isArray(value)) {
    const patterns: readonly unknown[] = pattern;
    return value.map((inner, index) => withSecretsOf(patterns[index], inner));
  }
  if (isObject(pattern) && isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, withSecretsOf(pattern[key], inner)]),
    );
  }
  return value;
}

export function propertiesWithSecretsOf(pattern: Wire, properties: Wire): Wire {
  return withSecretsOf(pattern, properties) as Wire;
}

/** What stands for a value in a preview of which only the update can tell what it is. */
export const unknown = unknownMark;
