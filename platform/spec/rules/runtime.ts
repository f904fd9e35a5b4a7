import type { EngineProfile } from "../../engines/engine-profile.ts";
import { refusedArguments } from "../../engines/extra-arguments.ts";
import { refusedEnvironment } from "../../engines/extra-environment.ts";
import { engineProfiles } from "../../engines/registry.ts";
import { list, record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";
import { replicaShapeProblems } from "./replica-shape.ts";

/** Keys that speak of the processes of one group. */
const runtimeKeys = ["environment", "arguments", "autoscaling"] as const;

/** Options, arguments, environment and shape of an engine's entry and of its models. */
export function runtimeProblems(
  spec: Raw,
  engine: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile,
): RuleProblem[] {
  return [
    ...patternProblems(engine, path, profile),
    ...foreignOptions(engine, path, profile),
    ...processProblems(engine, path, profile),
    ...records(engine.models).flatMap(({ entry, index }) => {
      const here = [...path, "models", index];
      return [
        ...foreignOptions(entry, here, profile),
        ...processProblems(entry, here, profile),
        ...sharedReplicaProblems(entry, here, profile),
        ...replicaShapeProblems(spec, entry, here, profile),
      ];
    }),
  ];
}

function patternProblems(engine: Raw, path: readonly PropertyKey[], profile: EngineProfile): RuleProblem[] {
  const pattern = text(engine.deployment);
  const known = ["standalone", "operator", "helm"].includes(pattern ?? "");
  if (!known || profile.patterns.some((candidate) => candidate === pattern)) return [];
  return [
    {
      code: "SPEC_COMBINATION_UNSUPPORTED",
      path: [...path, "deployment"],
      message: `${profile.title} cannot be deployed as ${pattern}`,
      allowed: profile.patterns.join(", "),
    },
  ];
}

/** The key of another engine's options would be read by nobody. */
function foreignOptions(entry: Raw, path: readonly PropertyKey[], profile: EngineProfile): RuleProblem[] {
  return Object.keys(engineProfiles)
    .filter((type) => type !== profile.type && entry[type] !== undefined)
    .map((type): RuleProblem => ({
      code: "SPEC_COMBINATION_UNSUPPORTED",
      path: [...path, type],
      atKey: true,
      message: `options of ${type} beside an engine of type ${profile.type}`,
      allowed: `the key ${profile.type}, or an engine of type ${type}`,
    }));
}

function processProblems(entry: Raw, path: readonly PropertyKey[], profile: EngineProfile): RuleProblem[] {
  const given = list(entry.arguments).filter((argument) => typeof argument === "string");
  return [
    ...refusedArguments(given, profile.reserved.arguments).map(({ index, reason }): RuleProblem => ({
      code: "SPEC_COMBINATION_UNSUPPORTED",
      path: [...path, "arguments", index],
      message: `the argument "${given[index] ?? ""}" ${reason}`,
      allowed: "arguments that nothing else decides, as --flag or --flag=value",
    })),
    ...refusedEnvironment(record(entry.environment), profile.reserved.environment).map(
      ({ name, reason, allowed }): RuleProblem => ({
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: [...path, "environment", name],
        atKey: true,
        message: `the variable ${name} ${reason}`,
        allowed: allowed ?? "variables that nothing else decides; secrets as {secret: name, key: key}",
      }),
    ),
  ];
}

function sharedReplicaProblems(
  model: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile,
): RuleProblem[] {
  if (profile.replicasPer === "model") return [];
  return [...runtimeKeys, "gpusPerReplica", "nodesPerReplica"]
    .filter((key) => model[key] !== undefined)
    .map((key): RuleProblem => ({
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, key],
      atKey: true,
      message: `the models of a ${profile.type} engine share its replicas, so ${key} is not one model's`,
      allowed: runtimeKeys.some((known) => known === key) ? `${key} of the engine` : "no such key",
    }));
}
