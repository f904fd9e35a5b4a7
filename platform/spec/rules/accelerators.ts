import type { Catalog } from "../../../optimizer/catalog/catalog.ts";
import { catalogOf, catalogs } from "../../../optimizer/catalog/registry.ts";
import { unknownName } from "../nearest.ts";
import { list, record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";
import { duplicates } from "./duplicates.ts";

/** Accelerators that the spec may name: the catalog's, slices and shares included, and its own. */
export function knownAccelerators(spec: Raw): readonly string[] {
  const catalog = catalogOf(text(spec.catalog) ?? "");
  return [
    ...(catalog ? namesIn(catalog) : []),
    ...records(record(spec.accelerators).custom).flatMap(({ entry }) => text(entry.name) ?? []),
  ];
}

export function acceleratorProblems(spec: Raw): RuleProblem[] {
  const version = text(spec.catalog);
  const catalog = version === undefined ? undefined : catalogOf(version);
  if (version !== undefined && !catalog) {
    const versions = catalogs.map((known) => known.version);
    return [
      {
        code: "SPEC_CATALOG_UNKNOWN",
        path: ["catalog"],
        message: unknownName("catalog", version, versions),
        allowed: versions.join(", "),
      },
    ];
  }
  // Without a catalog nobody can tell which names exist; the missing catalog is reported.
  if (!catalog) return [];
  const known = knownAccelerators(spec);
  const accelerators = record(spec.accelerators);
  const inCatalog = new Set(namesIn(catalog));
  const instanceTypesInCatalog = new Set(
    [...catalog.instanceTypes, ...catalog.partial.instanceTypes].map((type) => type.name),
  );
  return [
    ...list(accelerators.use).flatMap((name, index) =>
      typeof name === "string" && !known.includes(name)
        ? [unknownAccelerator(name, known, ["accelerators", "use", index])]
        : [],
    ),
    ...Object.keys(record(accelerators.limits)).flatMap((name) =>
      known.includes(name)
        ? []
        : [{ ...unknownAccelerator(name, known, ["accelerators", "limits", name]), atKey: true }],
    ),
    ...unlimitedSlices(catalog, accelerators),
    ...duplicates(accelerators.custom, ["accelerators", "custom"], "name", "accelerator"),
    ...repeatedInstanceTypes(accelerators.custom),
    ...records(accelerators.custom).flatMap(({ entry, index }): RuleProblem[] => {
      const path = ["accelerators", "custom", index] as const;
      const name = text(entry.name);
      return [
        ...(name !== undefined && inCatalog.has(name)
          ? [
              {
                code: "SPEC_NAME_DUPLICATE",
                path: [...path, "name"],
                message: `accelerator "${name}" is already in catalog ${version}`,
              } as const,
            ]
          : []),
        ...records(entry.instanceTypes).flatMap(({ entry: type, index: typeIndex }): RuleProblem[] => {
          const typeName = text(type.name);
          return typeName !== undefined && instanceTypesInCatalog.has(typeName)
            ? [
                {
                  code: "SPEC_NAME_DUPLICATE",
                  path: [...path, "instanceTypes", typeIndex, "name"],
                  message: `instance type "${typeName}" is already in catalog ${version}`,
                },
              ]
            : [];
        }),
      ];
    }),
  ];
}

function namesIn(catalog: Catalog): readonly string[] {
  return [...catalog.accelerators, ...catalog.partial.accelerators].map(({ name }) => name);
}

/** Limits count whole cards and slices each for themselves: beside a limit on cards, slices without one would exceed it. */
function unlimitedSlices(catalog: Catalog, accelerators: Raw): RuleProblem[] {
  const limits = record(accelerators.limits);
  const used = list(accelerators.use);
  return catalog.partial.accelerators.flatMap(({ name, device }): RuleProblem[] => {
    if (device.kind !== "mig" || !used.includes(name)) return [];
    if (limits[device.card] === undefined || limits[name] !== undefined) return [];
    return [
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["accelerators", "limits", device.card],
        atKey: true,
        message: `${device.card} is limited, its slice ${name} is used without a limit`,
        allowed: `a limit for ${name} too: ${device.perCard} slices for each card that may be cut`,
      },
    ];
  });
}

/** Nodes are told apart by their instance type alone, so one type carries one accelerator. */
function repeatedInstanceTypes(custom: unknown): RuleProblem[] {
  const owner = new Map<string, string>();
  return records(custom).flatMap(({ entry, index }) =>
    records(entry.instanceTypes).flatMap(({ entry: type, index: typeIndex }): RuleProblem[] => {
      const name = text(type.name);
      if (name === undefined) return [];
      const other = owner.get(name);
      owner.set(name, text(entry.name) ?? "");
      if (other === undefined) return [];
      return [
        {
          code: "SPEC_NAME_DUPLICATE",
          path: ["accelerators", "custom", index, "instanceTypes", typeIndex, "name"],
          message: `instance type "${name}" is already one of accelerator "${other}"`,
        },
      ];
    }),
  );
}

export function unknownAccelerator(
  name: string,
  known: readonly string[],
  path: RuleProblem["path"],
): RuleProblem {
  return {
    code: "SPEC_ACCELERATOR_UNKNOWN",
    path,
    message: unknownName("accelerator", name, known),
    allowed: known.join(", "),
  };
}
