/**
 * Readers of untyped inputs. Each gives nothing where the value is absent, of another type or not known yet, so that a
 * policy judges what it can see and never fails on what it cannot.
 */

export type Properties = Readonly<Record<string, unknown>>;

/** During a preview, what only a cloud could tell is an object with this mark. */
export function isUnknown(value: unknown): boolean {
  return typeof value === "object" && value !== null && "__pulumiUnknown" in value;
}

/** Kubernetes takes null for nothing. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function objectAt(value: unknown, ...path: readonly string[]): Properties | undefined {
  const found = valueAt(value, ...path);
  return typeof found === "object" && found !== null && !Array.isArray(found) && !isUnknown(found)
    ? (found as Properties)
    : undefined;
}

/** The elements of a list; none where there is no list. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === "string" ? found : undefined;
}

export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = valueAt(value, ...path);
  return typeof found === "number" ? found : undefined;
}

/** The known texts of a list, or the one text that stands for a list of one, as IAM writes them. */
export function textsAt(value: unknown, ...path: readonly string[]): readonly string[] {
  const found = valueAt(value, ...path);
  return (Array.isArray(found) ? found : [found]).filter((element) => typeof element === "string");
}

/** What lies at a path; an unknown value on the way is the answer, because everything below it is unknown too. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (isUnknown(found)) return found;
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Properties)[key];
  }
  return found;
}
