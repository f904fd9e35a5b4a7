import { isObject } from "../../wire/values.ts";

/** One step of a path: a name, an index, all elements, or those that a comparison holds for. */
const step =
  /\.?([\w-]+)|\['([^']+)'\]|\[(\d+)\]|\[(\*)\]|\.(\*)|\[\?\(@\.([\w.-]+)\s*==\s*["']([^"']*)["']\)\]/gy;

/**
 * Values at a path as kubectl writes it, such as `.status.conditions[?(@.type=="Ready")].status`.
 *
 * @throws Error for parts of the language that are not known here
 */
export function valuesAt(object: unknown, path: string): readonly unknown[] {
  let values: readonly unknown[] = [object];
  // A place of its own in the path: a comparison looks up a path in the midst of this one.
  const steps = new RegExp(step);
  while (steps.lastIndex < path.length) {
    const from = steps.lastIndex;
    const match = steps.exec(path);
    if (!match) throw new Error(`the path ${path} is not understood from "${path.slice(from)}"`);
    const [, dotted, bracketed, index, anyElement, anyField, key, wanted] = match;
    const name = dotted ?? bracketed;
    values = values.flatMap((value) => {
      if (name !== undefined) return isObject(value) ? [value[name]] : [];
      const elements: readonly unknown[] = Array.isArray(value)
        ? value
        : isObject(value)
          ? Object.values(value)
          : [];
      if (index !== undefined) return [elements[Number(index)]];
      if (anyElement !== undefined || anyField !== undefined) return elements;
      return elements.filter((element) => String(valuesAt(element, `.${key ?? ""}`)[0]) === wanted);
    });
    values = values.filter((value) => value !== undefined && value !== null);
  }
  return values;
}
