import { record, records, text, textOrNumber, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import { duplicates } from "../../spec/rules/duplicates.ts";
import type { EngineRuleContext } from "../engine-profile.ts";
import { artifactProblems } from "./artifact-rules.ts";
import { backendProblems } from "./backend-rules.ts";
import { batchingProblems } from "./batching-rules.ts";
import { deviceProblems } from "./device-rules.ts";
import { ensembleProblems } from "./ensemble-rules.ts";
import { extraConfigProblems } from "./extra-config-rules.ts";
import { tritonVersion } from "./model-options.ts";
import { rateLimiterProblems } from "./rate-limiter-rules.ts";
import { tensorProblems } from "./tensor-rules.ts";

/** What is wrong with an engine of type triton that its keys alone do not show. */
export function tritonProblems(engine: Raw, { spec, path }: EngineRuleContext): RuleProblem[] {
  return [
    ...rateLimiterProblems(engine, path),
    ...artifactProblems(engine, path),
    ...ensembleProblems(engine, path),
    ...records(engine.models).flatMap(({ entry, index }) => {
      const here = [...path, "models", index];
      const options = record(entry.triton);
      const there = [...here, "triton"];
      return [
        ...versionProblems(entry, here),
        ...backendProblems(options, text(engine.image), there),
        ...deviceProblems(spec, options, there),
        ...tensorProblems(options, there),
        ...duplicates(options.warmup, [...there, "warmup"], "name", "warm-up"),
        ...warmupProblems(options, there),
        ...batchingProblems(entry, here),
        ...extraConfigProblems(options, there),
      ];
    }),
  ];
}

/** Triton answers 404 to any other version, and does not see its folder. */
function versionProblems(model: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const places = [
    { version: textOrNumber(model.version), path: [...path, "version"] },
    ...records(model.versions).map(({ entry, index }) => ({
      version: textOrNumber(entry.version),
      path: [...path, "versions", index, "version"],
    })),
  ];
  return places.flatMap(({ version, path: place }): RuleProblem[] =>
    version === undefined || tritonVersion.test(version)
      ? []
      : [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: place,
            message: `Triton cannot serve version "${version}": its versions are numbers`,
            allowed: "a whole number from 1, without leading zeros",
            remedy: "Register the model under a number, as MLflow does.",
          },
        ],
  );
}

/** With an input too few the model is not loaded; one that the model does not have Triton would leave aside. */
function warmupProblems(options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const declared = records(options.inputs).flatMap(({ entry }) => {
    const name = text(entry.name);
    return name === undefined ? [] : [{ name, optional: entry.optional === true }];
  });
  if (declared.length === 0) return [];
  const names = declared.map(({ name }) => name);
  return records(options.warmup).flatMap(({ entry, index }): RuleProblem[] => {
    const given = Object.keys(record(entry.inputs));
    const place = [...path, "warmup", index, "inputs"];
    return [
      ...given
        .filter((name) => !names.includes(name))
        .map((name): RuleProblem => ({
          code: "SPEC_REFERENCE_UNKNOWN",
          path: [...place, name],
          atKey: true,
          message: `the model has no input "${name}"`,
          allowed: names.join(", "),
        })),
      ...declared
        .filter(({ name, optional }) => !optional && !given.includes(name))
        .map(({ name }): RuleProblem => ({
          code: "SPEC_KEY_MISSING",
          path: place,
          message: `the warm-up has no tensor for the input "${name}"`,
          allowed: "every input that is not optional",
        })),
    ];
  });
}
