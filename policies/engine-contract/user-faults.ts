import { isAbsent, isUnknown, valueAt } from "../known-values.ts";
import type { EnginePod } from "./engine-pods.ts";

/** Whoever breaks out of an engine is what the engine is; and an image without the user's home does not start. */
export function userFaults({ spec, profile, container: { place, container }, partial }: EnginePod): string[] {
  // A container's own word counts before its pod's.
  const effective = (field: string): unknown =>
    valueAt(container, "securityContext", field) ?? valueAt(spec, "securityContext", field);
  const nonRoot = effective("runAsNonRoot");
  const user = effective("runAsUser");
  const { userId } = profile.runAs;
  return [
    ...(nonRoot === true || isUnknown(nonRoot) || (isAbsent(nonRoot) && partial)
      ? []
      : [`${place}: may run as root; set runAsNonRoot: true and runAsUser: ${userId}`]),
    ...(typeof user === "number" && user !== userId
      ? [`${place}: runs as user ${user}; ${profile.title} runs as ${userId}`]
      : []),
  ];
}
