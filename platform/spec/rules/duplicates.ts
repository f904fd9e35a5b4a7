import type { SpecPath } from "../positions.ts";
import { records, textOrNumber } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";

/**
 * Reports every entry of a list whose `key` repeats that of an earlier one.
 *
 * @param same what names have in common that count as one
 */
export function duplicates(
  value: unknown,
  path: SpecPath,
  key: string,
  what: string,
  same: (name: string) => string = (name) => name,
): RuleProblem[] {
  const firstIndex = new Map<string, number>();
  return records(value).flatMap(({ entry, index }): RuleProblem[] => {
    const name = textOrNumber(entry[key]);
    if (name === undefined) return [];
    const earlier = firstIndex.get(same(name));
    if (earlier === undefined) {
      firstIndex.set(same(name), index);
      return [];
    }
    return [
      {
        code: "SPEC_NAME_DUPLICATE",
        path: [...path, index, key],
        message: `${what} "${name}" is already defined at index ${earlier}`,
      },
    ];
  });
}
