import { awsEndpointFaults } from "./public-endpoints/aws-endpoints.ts";
import { bucketFaults } from "./public-endpoints/buckets.ts";
import { kubernetesEndpointFaults } from "./public-endpoints/kubernetes-endpoints.ts";
import type { ResourcePolicy } from "./policy.ts";

/** Models answer inside the cluster, behind Domino's own front door: what the internet can reach, it will try. */
export const noPublicEndpoint: ResourcePolicy = {
  name: "no-public-endpoint",
  description: "Nothing of the stack can be reached from the internet.",
  level: "mandatory",
  check: (resource) => [
    ...kubernetesEndpointFaults(resource),
    ...awsEndpointFaults(resource),
    ...bucketFaults(resource),
  ],
};
