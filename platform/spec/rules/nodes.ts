import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { unknownName } from "../nearest.ts";
import { list, record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";

/** A misspelt instance type would be one of which no nodes may be bought. */
export function nodeProblems(spec: Raw): RuleProblem[] {
  const catalog = catalogOf(text(spec.catalog) ?? "");
  if (!catalog) return [];
  const custom = records(record(spec.accelerators).custom).flatMap(({ entry }) =>
    records(entry.instanceTypes).flatMap((type) => text(type.entry.name) ?? []),
  );
  const known = new Set([
    ...[...catalog.instanceTypes, ...catalog.partial.instanceTypes].map(({ name }) => name),
    ...custom,
  ]);
  return list(record(spec.nodes).purchase).flatMap((option, index) =>
    Object.keys(record(record(option).mostNodes))
      .filter((name) => !known.has(name))
      .map((name): RuleProblem => ({
        code: "SPEC_REFERENCE_UNKNOWN",
        path: ["nodes", "purchase", index, "mostNodes", name],
        atKey: true,
        message: unknownName("instance type", name, [...known]),
        allowed: "an instance type of the catalog or of accelerators.custom",
      })),
  );
}
