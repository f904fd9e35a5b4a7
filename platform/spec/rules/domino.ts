import { unknownName } from "../nearest.ts";
import { record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";
import { duplicates } from "./duplicates.ts";

export function dominoProblems(spec: Raw): RuleProblem[] {
  const domino = record(spec.domino);
  const roles = records(domino.roles).flatMap(({ entry }) => text(entry.name) ?? []);
  return [
    ...duplicates(domino.datasets, ["domino", "datasets"], "name", "dataset"),
    ...duplicates(domino.roles, ["domino", "roles"], "name", "role"),
    ...duplicates(domino.users, ["domino", "users"], "user", "user"),
    ...records(domino.users).flatMap(({ entry, index }): RuleProblem[] => {
      const role = text(entry.role);
      return role === undefined || roles.includes(role)
        ? []
        : [
            {
              code: "SPEC_REFERENCE_UNKNOWN",
              path: ["domino", "users", index, "role"],
              message: unknownName("role", role, roles),
              allowed: roles.join(", ") || "none are defined under domino.roles",
            },
          ];
    }),
  ];
}
