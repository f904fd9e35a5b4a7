import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { canRun, type EngineProfile } from "../../engines/engine-profile.ts";
import { unknownName } from "../nearest.ts";
import { number, record, records, text, textOrNumber, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";
import { unknownAccelerator } from "./accelerators.ts";
import { duplicates } from "./duplicates.ts";
import { defaultServiceClass, knownServiceClasses } from "./service-classes.ts";

/** Latency targets that mean something for a kind of model. */
const sloTargets = {
  generation: ["ttftMean", "ttftP95", "itlMean", "itlP95", "latencyMean", "latencyP95"],
  "request-response": ["latencyMean", "latencyP95"],
} as const;

export function modelProblems(
  spec: Raw,
  model: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile | undefined,
  accelerators: readonly string[],
): RuleProblem[] {
  return [
    ...versionProblems(model, path),
    ...splitProblems(model, path),
    ...knowledgeProblems(spec, model, path, profile),
    ...records(model.profiles).flatMap(({ entry, index }) =>
      profileProblems(spec, entry, [...path, "profiles", index], profile, accelerators),
    ),
    ...trafficProblems(spec, model, path, profile),
    ...(profile?.replicasPer === "engine" && model.replicas !== undefined
      ? [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: [...path, "replicas"],
            atKey: true,
            message: `the models of a ${profile.type} engine share its replicas`,
            allowed: "replicas of the engine",
          } as const,
        ]
      : []),
  ];
}

/** A measurement on an accelerator that does not exist, or that the engine cannot run on in that way. */
function profileProblems(
  spec: Raw,
  measured: Raw,
  path: readonly PropertyKey[],
  engine: EngineProfile | undefined,
  accelerators: readonly string[],
): RuleProblem[] {
  const name = text(measured.accelerator);
  const catalog = catalogOf(text(spec.catalog) ?? "");
  if (name === undefined || !catalog) return [];
  if (!accelerators.includes(name)) {
    return [unknownAccelerator(name, accelerators, [...path, "accelerator"])];
  }
  const partial = catalog.partial.accelerators.find((accelerator) => accelerator.name === name);
  if (!partial) return [];
  const conflict = (key: string, message: string, allowed: string): RuleProblem => ({
    code: "SPEC_VALUE_CONFLICT",
    path: [...path, key],
    message,
    allowed,
  });
  if (engine && !canRun(engine, partial)) {
    return [conflict("accelerator", `${engine.type} does not run on ${name}`, "an accelerator with a GPU")];
  }
  const each = number(measured.gpusPerReplica) ?? 1;
  return each > 1
    ? [conflict("gpusPerReplica", `a replica cannot use ${each} of ${name} together`, "1")]
    : [];
}

/** Sizes that the spec says, or that follow the day, are those of one kind of replica. */
function splitProblems(model: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  if (model.splitAccelerators !== true) return [];
  const daily = records(model.traffic).some(({ entry }) => record(entry.load).daily !== undefined);
  const other = model.replicas !== undefined ? "replicas" : daily ? "load.daily" : undefined;
  if (other === undefined) return [];
  return [
    {
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "splitAccelerators"],
      atKey: true,
      message: `splitAccelerators does not go together with ${other}`,
      allowed: "one of them",
    },
  ];
}

function versionProblems(model: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const problems = duplicates(model.versions, [...path, "versions"], "version", "version");
  if (model.version !== undefined && model.versions !== undefined) {
    problems.push({
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "version"],
      atKey: true,
      message: "version and versions are both given",
      allowed: "one of them",
    });
  }
  const weights = records(model.versions).map(({ entry }) => entry.weight);
  if (weights.length > 0 && weights.every((weight) => typeof weight === "number")) {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (Math.abs(sum - 100) > 1e-6) {
      problems.push({
        code: "SPEC_WEIGHTS_INVALID",
        path: [...path, "versions"],
        message: `the weights ${weights.join(" + ")} add up to ${sum}`,
        allowed: "100",
      });
    }
  }
  return problems;
}

/** Sizing needs the network or measurements of the model, and the right engine for its kind. */
function knowledgeProblems(
  spec: Raw,
  model: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile | undefined,
): RuleProblem[] {
  const catalog = catalogOf(text(spec.catalog) ?? "");
  const name = text(model.base) ?? text(model.name);
  if (!catalog || name === undefined) return [];
  const known = catalog.models.find((candidate) => candidate.name === name);
  const names = catalog.models.map((candidate) => candidate.name);
  const architecture = model.architecture === undefined ? undefined : record(model.architecture);
  if (model.base !== undefined && !known) {
    return [
      {
        code: "SPEC_MODEL_UNKNOWN",
        path: [...path, "base"],
        message: unknownName("model", name, names),
        allowed: names.join(", "),
      },
    ];
  }
  if (!known && !architecture && model.profiles === undefined) {
    return [
      {
        code: "SPEC_MODEL_UNKNOWN",
        path: [...path, "name"],
        message: unknownName("model", name, names),
        allowed: `base (${names.join(", ")}), architecture or profiles`,
      },
    ];
  }
  const task = architecture ? text(architecture.task) : known?.task;
  if (profile && task !== undefined && task !== profile.task) {
    return [
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, "name"],
        message: `${name} is a ${task} model, which ${profile.title} does not serve here`,
        allowed: `a ${profile.task} model`,
      },
    ];
  }
  return sequenceProblems(
    model,
    path,
    architecture ? number(architecture.maxSequenceTokens) : known?.maxSequenceTokens,
  );
}

/** A request longer than the model's context would be refused by the engine, every time. */
function sequenceProblems(
  model: Raw,
  path: readonly PropertyKey[],
  maxSequenceTokens: number | undefined,
): RuleProblem[] {
  return records(model.traffic).flatMap(({ entry, index }): RuleProblem[] => {
    const load = record(entry.load);
    const tokens = (number(load.inputTokens) ?? 0) + (number(load.outputTokens) ?? 0);
    if (maxSequenceTokens === undefined || tokens <= maxSequenceTokens) return [];
    return [
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, "traffic", index, "load", "inputTokens"],
        message: `inputTokens and outputTokens are ${tokens} together`,
        allowed: `${maxSequenceTokens}, the longest sequence of the model`,
      },
    ];
  });
}

function trafficProblems(
  spec: Raw,
  model: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile | undefined,
): RuleProblem[] {
  const classes = knownServiceClasses(spec);
  const seen = new Set<string>();
  return records(model.traffic).flatMap(({ entry, index }): RuleProblem[] => {
    const here = [...path, "traffic", index];
    const problems: RuleProblem[] = [];
    const serviceClass = textOrNumber(entry.serviceClass) ?? defaultServiceClass.name;
    if (!classes.includes(serviceClass)) {
      problems.push({
        code: "SPEC_REFERENCE_UNKNOWN",
        path: [...here, "serviceClass"],
        message: unknownName("service class", serviceClass, classes),
        allowed: classes.join(", "),
      });
    }
    if (seen.has(serviceClass)) {
      problems.push({
        code: "SPEC_NAME_DUPLICATE",
        path: here,
        message: `traffic of service class "${serviceClass}" is given twice`,
      });
    }
    seen.add(serviceClass);
    if (profile) problems.push(...taskProblems(entry, here, profile));
    return problems;
  });
}

function taskProblems(traffic: Raw, path: readonly PropertyKey[], profile: EngineProfile): RuleProblem[] {
  const targets: readonly string[] = sloTargets[profile.task];
  const load = record(traffic.load);
  const tokenKeys = ["inputTokens", "outputTokens", "outputDistribution"];
  return [
    ...Object.keys(record(traffic.slo))
      .filter(
        (target) =>
          (sloTargets.generation as readonly string[]).includes(target) && !targets.includes(target),
      )
      .map((target): RuleProblem => ({
        code: "SPEC_SLO_UNSUPPORTED",
        path: [...path, "slo", target],
        atKey: true,
        message: `${target} does not apply to a ${profile.task} model`,
        allowed: targets.join(", "),
      })),
    ...tokenKeys.flatMap((key): RuleProblem[] => {
      const required = key !== "outputDistribution";
      if (
        profile.task === "generation" &&
        required &&
        traffic.load !== undefined &&
        load[key] === undefined
      ) {
        return [
          {
            code: "SPEC_KEY_MISSING",
            path: [...path, "load", key],
            message: `${key} is missing`,
            allowed: "required for models that generate tokens",
          },
        ];
      }
      if (profile.task === "request-response" && load[key] !== undefined) {
        return [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: [...path, "load", key],
            atKey: true,
            message: `${key} does not apply to a request-response model`,
            allowed: "rate, daily",
          },
        ];
      }
      return [];
    }),
  ];
}
