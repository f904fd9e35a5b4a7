import { record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";
import { duplicates } from "./duplicates.ts";

/** The class of traffic that names none, as in Inferno. */
export const defaultServiceClass = { name: "Free", priority: 100 } as const;

/** Names of the classes that traffic may use. */
export function knownServiceClasses(spec: Raw): readonly string[] {
  const names = records(record(spec).serviceClasses).flatMap(({ entry }) => text(entry.name) ?? []);
  return names.includes(defaultServiceClass.name) ? names : [...names, defaultServiceClass.name];
}

export function serviceClassProblems(spec: Raw): RuleProblem[] {
  const path = ["serviceClasses"];
  return [
    // Objects are named after classes, and names of objects have no capitals.
    ...duplicates(spec.serviceClasses, path, "name", "service class", (name) => name.toLowerCase()),
    // Equal priorities would leave open who is served first.
    ...duplicates(spec.serviceClasses, path, "priority", "priority"),
  ];
}
