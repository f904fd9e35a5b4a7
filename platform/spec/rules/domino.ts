import { unknownName } from "../nearest.ts";
import { record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";
import { duplicates } from "./duplicates.ts";

export function dominoProblems(spec: Raw): RuleProblem[] {
  const domino = record(spec.domino);
  const roles = records(domino.roles).flatMap(({ entry }) => text(entry.name) ?? []);
  const used = records(domino.users).flatMap(({ entry }) => text(entry.role) ?? []);
  return [
    ...duplicates(domino.datasets, ["domino", "datasets"], "name", "dataset"),
    ...duplicates(domino.roles, ["domino", "roles"], "name", "role"),
    ...duplicates(domino.users, ["domino", "users"], "user", "user"),
    ...records(domino.roles).flatMap(({ entry, index }): RuleProblem[] => {
      const name = text(entry.name);
      return name === undefined || used.includes(name)
        ? []
        : [
            {
              code: "SPEC_VALUE_CONFLICT",
              path: ["domino", "roles", index, "name"],
              message: `no user has the role "${name}"`,
              allowed: "a role that an entry of domino.users names",
              remedy: "Give the role to a user, or remove it.",
            },
          ];
    }),
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
