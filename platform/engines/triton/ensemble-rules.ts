import { record, records, text, textOrNumber, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import { unknownName } from "../../spec/nearest.ts";
import { ensembleAgreementProblems } from "./ensemble-agreement-rules.ts";
import { ensembleTensorProblems } from "./ensemble-tensor-rules.ts";
import { versionsInUse } from "./versions-in-use.ts";

/** Keys that say how files are run, of which an ensemble has none. */
const keysOfFiles = [
  "backend",
  "dynamicBatching",
  "instances",
  "warmup",
  "rateLimiter",
  "artifacts",
  "parameters",
] as const;

/** Ensembles refer to other models of their engine: what they refer to must be there and fit together. */
export function ensembleProblems(engine: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const models = new Map(
    records(engine.models).flatMap(({ entry }) => {
      const name = text(entry.name);
      return name === undefined ? [] : [[name, entry] as const];
    }),
  );
  const ensembles = records(engine.models).filter(({ entry }) => record(entry.triton).ensemble !== undefined);
  return ensembles.flatMap(({ entry, index }) => {
    const there = [...path, "models", index, "triton"];
    const options = record(entry.triton);
    return [
      ...keyProblems(options, there),
      ...records(record(options.ensemble).steps).flatMap(({ entry: step, index: position }) =>
        stepProblems(text(entry.name), step, models, [...there, "ensemble", "steps", position]),
      ),
      ...circleProblems(text(entry.name), models, there),
      ...ensembleTensorProblems(options, models, there),
      ...ensembleAgreementProblems(options, models, there),
    ];
  });
}

/** Names of the models that an ensemble runs. */
function stepsOf(model: Raw | undefined): readonly string[] {
  const { steps } = record(record(record(model).triton).ensemble);
  return records(steps).flatMap(({ entry }) => text(entry.model) ?? []);
}

function keyProblems(options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  return [
    ...keysOfFiles
      .filter((key) => options[key] !== undefined)
      .map((key): RuleProblem => ({
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, key],
        atKey: true,
        message: `an ensemble has no files, so ${key} says nothing about it`,
        allowed: `${key} of the models of its steps`,
      })),
    ...(["inputs", "outputs"] as const)
      .filter((key) => options[key] === undefined)
      .map((key): RuleProblem => ({
        code: "SPEC_KEY_MISSING",
        path: [...path, key],
        message: `an ensemble has no files that its ${key} could be read from`,
        allowed: `the ${key} with name, datatype and shape`,
      })),
  ];
}

function stepProblems(
  ensemble: string | undefined,
  step: Raw,
  models: ReadonlyMap<string, Raw>,
  path: readonly PropertyKey[],
): RuleProblem[] {
  const name = text(step.model);
  if (name === undefined) return [];
  const model = models.get(name);
  if (!model) {
    return [
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: [...path, "model"],
        message: unknownName("model of this engine", name, [...models.keys()]),
        allowed: [...models.keys()].filter((other) => other !== ensemble).join(", "),
      },
    ];
  }
  const used = versionsInUse(model);
  const version = textOrNumber(step.version);
  return [
    ...(version === undefined || used.includes(version)
      ? []
      : [
          {
            code: "SPEC_REFERENCE_UNKNOWN",
            path: [...path, "version"],
            message: `version ${version} of "${name}" is not in use`,
            allowed: used.join(", "),
          } as const,
        ]),
  ];
}

/** An ensemble of ensembles must end somewhere. */
function circleProblems(
  name: string | undefined,
  models: ReadonlyMap<string, Raw>,
  path: readonly PropertyKey[],
): RuleProblem[] {
  if (name === undefined) return [];
  const reached = new Set<string>();
  const open = [...stepsOf(models.get(name))];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    open.push(...stepsOf(models.get(next)));
  }
  return reached.has(name)
    ? [
        {
          code: "SPEC_VALUE_CONFLICT",
          path: [...path, "ensemble"],
          atKey: true,
          message: `the ensemble "${name}" comes back to itself`,
          allowed: "steps that do not lead back",
        },
      ]
    : [];
}
