import { number, record, records, text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import { unknownName } from "../../spec/nearest.ts";

/** A model that takes more of a resource than there is never runs; Triton refuses to load it. */
export function rateLimiterProblems(engine: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const available = record(record(engine.triton).rateLimiterResources);
  const taken = records(engine.models).flatMap(({ entry, index }) => {
    const limiter = record(record(entry.triton).rateLimiter);
    return records(limiter.resources).map(({ entry: resource, index: position }) => ({
      name: text(resource.name),
      count: number(resource.count),
      path: [...path, "models", index, "triton", "rateLimiter", "resources", position, "count"],
    }));
  });
  const names = [...new Set(taken.flatMap(({ name }) => name ?? []))];
  return [
    ...Object.keys(available)
      .filter((name) => !names.includes(name))
      .map((name): RuleProblem => ({
        code: "SPEC_REFERENCE_UNKNOWN",
        path: [...path, "triton", "rateLimiterResources", name],
        atKey: true,
        message: unknownName("resource of a rateLimiter", name, names),
        allowed: names.join(", ") || "resources of the models' rateLimiter",
      })),
    ...taken.flatMap(({ name, count, path: place }): RuleProblem[] => {
      const most = number(available[name ?? ""]);
      return most === undefined || count === undefined || count <= most
        ? []
        : [
            {
              code: "SPEC_VALUE_CONFLICT",
              path: place,
              message: `an execution takes ${count} of ${name}, of which the engine has ${most}`,
              allowed: `at most ${most}`,
            },
          ];
    }),
  ];
}
