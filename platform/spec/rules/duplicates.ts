import type { SpecPath } from "../positions.ts";
import { records, textOrNumber } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";

/** Reports every entry of a list whose `key` repeats that of an earlier one. */
export function duplicates(value: unknown, path: SpecPath, key: string, what: string): RuleProblem[] {
  const firstIndex = new Map<string, number>();
  return records(value).flatMap(({ entry, index }): RuleProblem[] => {
    const name = textOrNumber(entry[key]);
    if (name === undefined) return [];
    const earlier = firstIndex.get(name);
    if (earlier === undefined) {
      firstIndex.set(name, index);
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
