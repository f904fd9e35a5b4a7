import type { EngineProfile } from "../../platform/engines/engine-profile.ts";
import { kubernetesKind } from "../kubernetes-kind.ts";
import { isAbsent, isUnknown, listAt, objectAt, valueAt, type Properties } from "../known-values.ts";
import type { PolicyResource } from "../policy.ts";
import { engineProfile } from "./engine-pods.ts";

/** Engines authenticate nobody: an open port that nobody asks at is one that somebody else may. */
export function ingressFaults({ type, props }: PolicyResource): string[] {
  if (kubernetesKind(type) !== "NetworkPolicy") return [];
  const selected = objectAt(props, "spec", "podSelector", "matchLabels");
  const profile = engineProfile(selected);
  if (!selected || !profile) return [];
  return listAt(props, "spec", "ingress").flatMap((rule, index) =>
    objectAt(rule) === undefined || isAmongReplicas(rule, selected)
      ? []
      : ruleFaults(rule, profile).map(
          (fault) => `ingress[${index}]: ${fault}; ${profile.title} is asked at ${known(profile).join(", ")}`,
        ),
  );
}

/** The processes of a replica that spans several nodes agree on ports as they go. */
function isAmongReplicas(rule: unknown, selected: Properties): boolean {
  const from = valueAt(rule, "from");
  const peers = listAt(from);
  return isUnknown(from) || (peers.length > 0 && peers.every((peer) => isReplica(peer, selected)));
}

/** Or may be one: labels that are not known yet. */
function isReplica(peer: unknown, selected: Properties): boolean {
  const namespaces = valueAt(peer, "namespaceSelector");
  return (
    (isAbsent(namespaces) || isUnknown(namespaces)) &&
    Object.entries(selected).every(([label, value]) => {
      const given = valueAt(peer, "podSelector", "matchLabels", label);
      return isUnknown(given) || isUnknown(value) || given === value;
    })
  );
}

function ruleFaults(rule: unknown, profile: EngineProfile): string[] {
  const ports = valueAt(rule, "ports");
  if (isUnknown(ports)) return [];
  const listed = listAt(ports);
  if (listed.length === 0) return ["all ports are open"];
  return listed.flatMap((entry) => {
    const port = valueAt(entry, "port");
    if (isUnknown(entry) || isUnknown(port)) return [];
    if (isAbsent(port)) return ["all ports are open"];
    // A name is the pods' own.
    const number = typeof port === "string" && /^\d+$/.test(port) ? Number(port) : port;
    const last = valueAt(entry, "endPort") ?? number;
    if (typeof number !== "number" || typeof last !== "number") return [];
    if (last !== number) return [`ports ${number} to ${last} are open`];
    return known(profile).includes(number) ? [] : [`port ${number} is open`];
  });
}

function known({ ports }: EngineProfile): readonly number[] {
  return [...new Set(Object.values(ports))];
}
