import { isDeepStrictEqual } from "node:util";
import { isObject, isUnknown, revealed, type Wire } from "./values.ts";

export type PropertyPath = readonly (string | number)[];

export interface Difference {
  readonly path: PropertyPath;
  readonly kind: "add" | "delete" | "update";
}

/**
 * Where two sets of properties differ, at the deepest place that says it. A value that is still unknown differs from
 * every known one; that a value became a secret is no difference.
 */
export function differencesOf(before: Wire, after: Wire): readonly Difference[] {
  return compare([], revealed(before), revealed(after));
}

function compare(path: PropertyPath, before: unknown, after: unknown): readonly Difference[] {
  if (isUnknown(after)) return [{ path, kind: before === undefined ? "add" : "update" }];
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
    return keys.flatMap((key) => compare([...path, key], before[key], after[key]));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const count = Math.max(before.length, after.length);
    return Array.from({ length: count }, (_, index) => index).flatMap((index) =>
      compare([...path, index], before[index], after[index]),
    );
  }
  // To the engine, null is how an absent property looks.
  const [had, has] = [before ?? undefined, after ?? undefined];
  if (isDeepStrictEqual(had, has)) return [];
  return [{ path, kind: had === undefined ? "add" : has === undefined ? "delete" : "update" }];
}

/** A path as the engine writes it, such as `spec.template.metadata.labels["a.b/c"]` or `subnetIds[2]`. */
export function renderPath(path: PropertyPath): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (!/^[A-Za-z_][\w]*$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}

/** Whether a path is at or below another one, written with dots and without the indices of lists. */
export function isWithin(path: PropertyPath, dotted: string): boolean {
  const parts = dotted.split(".");
  const keys = path.filter((part) => typeof part === "string");
  return parts.every((part, index) => keys[index] === part);
}
