import { fieldOf, listOf, textOf } from "../manifest.ts";
import type { ReadinessRule } from "./readiness.ts";

/** Serves: somebody ready is behind it, where it is the kind that chooses pods by itself. */
export const serviceReadiness: ReadinessRule = async (service, cluster) => {
  const type = textOf(service, "spec", "type");
  const selector = fieldOf(service, "spec", "selector");
  const reasons: string[] = [];
  if (type === "LoadBalancer" && listOf(service, "status", "loadBalancer", "ingress").length === 0) {
    reasons.push("no load balancer has been assigned");
  }
  const isHeadless = textOf(service, "spec", "clusterIP") === "None";
  if (type === "ExternalName" || isHeadless || selector === undefined) return reasons;
  const slices = await cluster.list(
    { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
    service.metadata.namespace,
    `kubernetes.io/service-name=${service.metadata.name}`,
  );
  const endpoints = slices.flatMap((slice) => listOf(slice, "endpoints"));
  if (!endpoints.some((endpoint) => fieldOf(endpoint, "conditions", "ready") !== false)) {
    reasons.push("no ready pod matches the selector");
  }
  return reasons;
};
