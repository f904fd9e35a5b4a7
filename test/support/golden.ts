import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { stringify } from "yaml";
import type { RecordedResource } from "../components/support/resources-of.ts";

/** A recording as text: sorted by type and name, keys in order, so that only a change of meaning changes it. */
export function golden(resources: readonly RecordedResource[]): string {
  const entries = resources
    .map(({ type, name, parent, inputs }) => ({
      type,
      name,
      parent: parent.split("::").slice(2).join("::"),
      inputs: sorted(inputs),
    }))
    .toSorted((left, right) => (`${left.type} ${left.name}` < `${right.type} ${right.name}` ? -1 : 1));
  return stringify(entries, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** What is recorded in a file; with UPDATE_GOLDEN it is recorded anew first. */
export function recorded(file: string, rendered: string): string {
  if (process.env.UPDATE_GOLDEN) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, rendered);
  }
  return existsSync(file) ? readFileSync(file, "utf8") : `${file} is missing`;
}

/** The same value with the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, entry]) => [key, sorted(entry)]),
  );
}
