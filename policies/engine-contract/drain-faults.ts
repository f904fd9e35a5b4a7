import { terminationGraceSeconds, type EngineProfile } from "../../platform/engines/engine-profile.ts";
import { isAbsent, isUnknown, listAt, textAt, valueAt, type Properties } from "../known-values.ts";
import type { EnginePod } from "./engine-pods.ts";

/** Variables by which an engine is told the longest request of one model in seconds, where it may have one of its own. */
const requestSecondsVariables: Readonly<Record<string, string>> = {
  dynamo: "DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS",
};

/** A pod that is killed while it drains loses the requests that it drains for, at every rollout. */
export function drainFaults({ place, spec, profile, container, partial }: EnginePod): string[] {
  const given = valueAt(spec, "terminationGracePeriodSeconds");
  const least = leastGraceSeconds(profile, container.container);
  if (least === undefined || isUnknown(given)) return [];
  const remedy = `${profile.title} needs ${least} s to leave the Service and finish its requests`;
  if (isAbsent(given)) return partial ? [] : [`${place}terminationGracePeriodSeconds is not set; ${remedy}`];
  return typeof given === "number" && given < least
    ? [`${place}terminationGracePeriodSeconds is ${given}; ${remedy}`]
    : [];
}

/** Absent where it cannot be told yet. */
function leastGraceSeconds(profile: EngineProfile, container: Properties): number | undefined {
  const variable = requestSecondsVariables[profile.type];
  if (variable === undefined) return terminationGraceSeconds(profile);
  const variables = listAt(container, "env");
  const told = variables.findLast((entry) => textAt(entry, "name") === variable);
  const given = valueAt(told, "value");
  const hidden = variables.some((entry) => isUnknown(valueAt(entry, "name")));
  if (isUnknown(container.env) || isUnknown(given) || (!told && hidden)) return undefined;
  const requestSeconds = Number.parseFloat(typeof given === "string" ? given : "");
  return terminationGraceSeconds(
    Number.isFinite(requestSeconds) ? { ...profile, drain: { ...profile.drain, requestSeconds } } : profile,
  );
}
