import { record, records, text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";

/** The steps of an ensemble run inside one server, so all of them have to be on it. */
export function placementProblems(engine: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const ensembles = records(engine.models).filter(({ entry }) => record(entry.triton).ensemble !== undefined);
  const [first] = ensembles;
  if (!first) return [];
  const { s3, access } = record(engine.storage);
  const copied =
    text(engine.storage)?.startsWith("s3://") === true || (s3 !== undefined && access === "copy");
  return [
    ...(engine.replicas === undefined && engine.loading !== "on-demand"
      ? [
          {
            code: "SPEC_KEY_MISSING",
            path: [...path, "replicas"],
            message: `"${text(first.entry.name) ?? ""}" is an ensemble, whose steps must be on the same servers`,
            allowed: "replicas of the engine, which keeps its models together",
          } as const,
        ]
      : []),
    ...(copied
      ? [
          {
            code: "SPEC_COMBINATION_UNSUPPORTED",
            path: [...path, "storage"],
            message: `the ensemble "${text(first.entry.name) ?? ""}" has no folder in S3 that could be copied`,
            allowed: "{s3: s3://…, access: mount}, or models on a volume",
          } as const,
        ]
      : []),
  ];
}
