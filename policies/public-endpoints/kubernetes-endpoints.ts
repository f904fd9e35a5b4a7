import { kubernetesKind } from "../kubernetes-kind.ts";
import { isUnknown, listAt, textAt, valueAt } from "../known-values.ts";
import type { PolicyResource } from "../policy.ts";

export function kubernetesEndpointFaults(resource: PolicyResource): string[] {
  switch (kubernetesKind(resource.type)) {
    case "Service":
      return serviceFaults(resource);
    case "Ingress":
      return ingressFaults(resource);
    default:
      return [];
  }
}

function serviceFaults({ props }: PolicyResource): string[] {
  const faults: string[] = [];
  const type = textAt(props, "spec", "type");
  if (type === "NodePort") faults.push("Service of type NodePort opens a port on every node; use ClusterIP");
  if (type === "LoadBalancer" && !hasInternalLoadBalancer(props)) {
    faults.push("Service of type LoadBalancer makes a load balancer that is not internal; use ClusterIP");
  }
  if (listAt(props, "spec", "externalIPs").length > 0) faults.push("Service has externalIPs; remove them");
  return faults;
}

/** Both the AWS load balancer controller and the older in-tree controller make public ones unless told otherwise. */
function hasInternalLoadBalancer(props: PolicyResource["props"]): boolean {
  const annotations = valueAt(props, "metadata", "annotations");
  const scheme = valueAt(annotations, "service.beta.kubernetes.io/aws-load-balancer-scheme");
  const internal = valueAt(annotations, "service.beta.kubernetes.io/aws-load-balancer-internal");
  return [scheme, internal].some(isUnknown) || scheme === "internal" || internal === "true";
}

function ingressFaults({ props }: PolicyResource): string[] {
  const annotations = valueAt(props, "metadata", "annotations");
  const scheme = valueAt(annotations, "alb.ingress.kubernetes.io/scheme");
  const className =
    valueAt(props, "spec", "ingressClassName") ?? valueAt(annotations, "kubernetes.io/ingress.class");
  if (isUnknown(scheme) || scheme === "internal") return [];
  if (scheme !== undefined) return [`Ingress with the scheme "${String(scheme)}"; use internal`];
  if (isUnknown(className) || (typeof className === "string" && className.includes("internal"))) return [];
  return ["Ingress without an internal class or scheme; name an internal ingressClassName"];
}
