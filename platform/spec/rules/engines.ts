import { engineProfiles, isEngineType } from "../../engines/registry.ts";
import type { EngineProfile } from "../../engines/engine-profile.ts";
import { autoscalingProblems } from "../../scaling/autoscaling-rules.ts";
import { groupName, groupNameMaxLength } from "../group-name.ts";
import { unknownName } from "../nearest.ts";
import { plannedEngineTypes } from "../planned.ts";
import { record, records, text, textOrNumber, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";
import { duplicates } from "./duplicates.ts";
import { modelProxyProblems } from "./model-proxy.ts";
import { modelProblems } from "./models.ts";
import { runtimeProblems } from "./runtime.ts";
import { defaultServiceClass } from "./service-classes.ts";
import { storageProblems } from "./storage.ts";

export function engineProblems(spec: Raw, accelerators: readonly string[]): RuleProblem[] {
  return [
    ...duplicates(spec.engines, ["engines"], "name", "engine"),
    ...records(spec.engines).flatMap(({ entry, index }) =>
      oneEngine(spec, entry, ["engines", index], accelerators),
    ),
    ...groupNameProblems(spec),
  ];
}

function oneEngine(
  spec: Raw,
  engine: Raw,
  path: readonly PropertyKey[],
  accelerators: readonly string[],
): RuleProblem[] {
  const type = text(engine.type);
  const profile = type !== undefined && isEngineType(type) ? engineProfiles[type] : undefined;
  return [
    ...(type !== undefined && !profile ? [unknownEngine(type, [...path, "type"])] : []),
    ...(profile ? profileProblems(spec, engine, path, profile) : []),
    ...namespaceProblems(engine, path, text(record(spec.metadata).stage) ?? ""),
    ...duplicates(engine.models, [...path, "models"], "name", "model"),
    ...records(engine.models).flatMap(({ entry, index }) =>
      modelProblems(spec, entry, [...path, "models", index], profile, accelerators),
    ),
  ];
}

function unknownEngine(type: string, path: readonly PropertyKey[]): RuleProblem {
  const allowed = Object.keys(engineProfiles);
  return plannedEngineTypes.includes(type)
    ? {
        code: "SPEC_KEY_NOT_YET_SUPPORTED",
        path,
        message: `engine type "${type}" is planned but not supported in this version`,
        allowed: allowed.join(", "),
      }
    : {
        code: "SPEC_ENGINE_UNKNOWN",
        path,
        message: unknownName("engine type", type, allowed),
        allowed: allowed.join(", "),
      };
}

function profileProblems(
  spec: Raw,
  engine: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile,
): RuleProblem[] {
  const problems: RuleProblem[] = [
    ...storageProblems(spec, engine, path, profile),
    ...runtimeProblems(spec, engine, path, profile),
    ...autoscalingProblems(spec, engine, path, profile),
    ...modelProxyProblems(spec, engine, path, profile),
    ...(profile.problems?.(engine, { spec, path }) ?? []),
  ];
  const loading = text(engine.loading);
  if ((loading === "preload" || loading === "on-demand") && !profile.loading.includes(loading)) {
    problems.push({
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "loading"],
      message: `${profile.title} cannot load models ${loading}`,
      allowed: profile.loading.join(", "),
    });
  }
  if (loading === "on-demand" && typeof engine.replicas === "number" && engine.replicas > 1) {
    problems.push({
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "replicas"],
      message: `an on-demand engine behind one Service cannot have ${engine.replicas} replicas: a model is loaded on one of them only`,
      allowed: "1",
      remedy: "Use loading: preload, or several on-demand engines.",
    });
  }
  if (profile.replicasPer === "model" && engine.replicas !== undefined) {
    problems.push({
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "replicas"],
      atKey: true,
      message: `the models of a ${profile.type} engine have replicas of their own`,
      allowed: "replicas in each model",
    });
  }
  return problems;
}

/** Names of the proxy's own objects beside the engines'. */
const reservedGroupNames: readonly string[] = ["inference-proxy", "inference-proxy-service"];

/** Namespaces with owners of their own; a quota and a default deny in them would stop Domino, Kubernetes or an add-on. */
const reservedNamespace =
  /^(?:default|domino-(?:platform|compute|system)|kube-.+|karpenter|cert-manager|keda|lws-system|monitoring|dynamo-system)$/;

function namespaceProblems(engine: Raw, path: readonly PropertyKey[], stage: string): RuleProblem[] {
  const namespace = text(engine.namespace);
  if (namespace === undefined) return [];
  if (
    /^domino-inference-(?:dev|test|prod|local)$/.test(namespace) &&
    namespace !== `domino-inference-${stage}`
  ) {
    return [
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, "namespace"],
        message: `namespace "${namespace}" belongs to the platform of another stage`,
        allowed: "a namespace of the platform's own",
      },
    ];
  }
  if (!reservedNamespace.test(namespace)) return [];
  return [
    {
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "namespace"],
      message: `namespace "${namespace}" belongs to Domino or Kubernetes`,
      allowed: "a namespace of the platform's own",
    },
  ];
}

/**
 * Group names are made from parts, so two different groups can come out equal, or too long. They are unique over the
 * platform and not only in a namespace, because the plan and the stack name groups by them alone.
 */
function groupNameProblems(spec: Raw): RuleProblem[] {
  const owner = new Map<string, string>();
  const problems: RuleProblem[] = [];
  for (const { entry: engine, index: engineIndex } of records(spec.engines)) {
    const type = text(engine.type);
    const engineName = text(engine.name);
    if (type === undefined || !isEngineType(type) || engineName === undefined) continue;
    for (const { entry: model, index: modelIndex } of records(engine.models)) {
      for (const { name, id } of groupsOf(type, engineName, model)) {
        const other = owner.get(name);
        // Models that share a group would report its name once each.
        if (other === id) continue;
        const path = ["engines", engineIndex, "models", modelIndex, "name"];
        if (name.length > groupNameMaxLength) {
          problems.push({
            code: "SPEC_VALUE_CONFLICT",
            path,
            message: `the Service of this model would be called "${name}", ${name.length} characters`,
            allowed: `${groupNameMaxLength} characters`,
            remedy: "Shorten the name of the engine, the model or the service class.",
          });
        }
        if (reservedGroupNames.includes(name)) {
          problems.push({
            code: "SPEC_NAME_DUPLICATE",
            path,
            message: `the Service of this model would be called "${name}", as the proxy's own`,
            remedy: "Rename the engine.",
          });
        }
        if (other !== undefined) {
          problems.push({
            code: "SPEC_NAME_DUPLICATE",
            path,
            message: `the Service "${name}" would stand for ${other} and for ${id}`,
            remedy: "Rename one of the engines or models.",
          });
        }
        owner.set(name, id);
      }
    }
  }
  return problems;
}

function groupsOf(
  type: Parameters<typeof groupName>[0],
  engine: string,
  model: Raw,
): readonly { readonly name: string; readonly id: string }[] {
  const modelName = text(model.name);
  if (modelName === undefined) return [];
  const versions = records(model.versions).flatMap(({ entry }) => textOrNumber(entry.version) ?? []);
  const classes = records(model.traffic).map(
    ({ entry }) => text(entry.serviceClass) ?? defaultServiceClass.name,
  );
  return (versions.length > 0 ? versions : [undefined]).flatMap((version, position) =>
    [...new Set(classes)].map((serviceClass) => {
      const name = groupName(type, engine, {
        name: modelName,
        serviceClass,
        ...(version === undefined || position === 0 ? {} : { canaryVersion: version }),
      });
      const shared = engineProfiles[type].replicasPer === "engine";
      return {
        name,
        id: shared ? `engine ${engine}` : `${engine}/${modelName}/${version ?? ""}/${serviceClass}`,
      };
    }),
  );
}
