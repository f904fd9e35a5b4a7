import { record, records, text, type Raw } from "../../../spec/raw.ts";
import type { RuleProblem } from "../../../spec/rules.ts";
import type { EngineRuleContext } from "../../engine-profile.ts";
import { dynamoEngineSchema } from "../engine-options.ts";
import { unsupported } from "./raw-model.ts";

const shared = ["version", "multiNode"] as const;

/** There is one operator in a cluster: what it is set up for, all engines have to agree on. */
export function operatorProblems(engine: Raw, { spec, path }: EngineRuleContext): RuleProblem[] {
  const [first] = records(spec.engines)
    .map(({ entry }) => entry)
    .filter(({ type }) => type === "dynamo");
  if (!first || first === engine) return [];
  const defaults = dynamoEngineSchema.parse({});
  const said = (of: Raw, key: (typeof shared)[number]) => text(record(of.dynamo)[key]) ?? defaults[key];
  return shared.flatMap((key) =>
    said(engine, key) === said(first, key)
      ? []
      : [
          unsupported(
            [...path, "dynamo", key],
            `${key} ${said(engine, key)} beside ${said(first, key)} of engine "${text(first.name) ?? ""}": one operator serves both`,
            `${said(first, key)} in both, or the engines on clusters of their own`,
          ),
        ],
  );
}
