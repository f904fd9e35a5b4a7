import type { EngineProbes, EngineProfile } from "../../platform/engines/engine-profile.ts";
import { isAbsent, isUnknown, listAt, numberAt, textAt, valueAt, type Properties } from "../known-values.ts";
import type { EnginePod } from "./engine-pods.ts";

const probeKinds: readonly (keyof EngineProbes)[] = ["startup", "liveness", "readiness"];

/**
 * A replica without them gets requests before its models are loaded, or is never restarted; one whose liveness is its
 * readiness is restarted while it loads.
 */
export function probeFaults({ profile, container, answers, partial }: EnginePod): string[] {
  if (!answers) return [];
  return probeKinds.flatMap((kind) => {
    const field = `${kind}Probe`;
    const probe = valueAt(container.container, field);
    if (isUnknown(probe) || (isAbsent(probe) && partial)) return [];
    return faultsOf(kind, probe, container.container, profile).map(
      (fault) => `${container.place}: ${field} ${fault}; ${remedy(kind, profile)}`,
    );
  });
}

function faultsOf(
  kind: keyof EngineProbes,
  probe: unknown,
  container: Properties,
  profile: EngineProfile,
): string[] {
  if (isAbsent(probe)) return ["is missing"];
  const request = valueAt(probe, "httpGet");
  if (isUnknown(request)) return [];
  if (isAbsent(request)) return ["is no HTTP request"];
  const path = valueAt(request, "path") ?? "/";
  const port = portNumber(valueAt(request, "port"), container);
  return [
    ...(typeof path === "string" && !pathsOf(kind, profile).includes(path) ? [`asks ${path}`] : []),
    ...(port !== undefined && !portsOf(profile).includes(port) ? [`asks port ${port}`] : []),
  ];
}

function remedy(kind: keyof EngineProbes, profile: EngineProfile): string {
  const paths = pathsOf(kind, profile).join(" or ");
  return `${profile.title} answers ${kind} at ${paths}, port ${portsOf(profile).join(" or ")}`;
}

/** Which of them it is may depend on how the engine loads, which a pod does not say. */
function pathsOf(kind: keyof EngineProbes, { loading, probes }: EngineProfile): readonly string[] {
  return [...new Set(loading.map((mode) => probes({ loading: mode })[kind]))];
}

/** Where a frontend has the API's port, replicas answer at that of their metrics. */
function portsOf({ ports, frontend }: EngineProfile): readonly number[] {
  return frontend ? [...new Set([ports.http, ports.metrics])] : [ports.http];
}

/** Absent where it is not known. A name that the container does not list may be an operator's, which adds ports. */
function portNumber(port: unknown, container: Properties): number | undefined {
  if (typeof port === "number") return port;
  if (typeof port !== "string") return undefined;
  if (/^\d+$/.test(port)) return Number(port);
  const named = listAt(container, "ports").find((entry) => textAt(entry, "name") === port);
  return numberAt(named, "containerPort");
}
