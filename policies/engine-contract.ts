import { commandFaults } from "./engine-contract/command-faults.ts";
import { drainFaults } from "./engine-contract/drain-faults.ts";
import { enginePodsOf } from "./engine-contract/engine-pods.ts";
import { ingressFaults } from "./engine-contract/ingress-faults.ts";
import { probeFaults } from "./engine-contract/probe-faults.ts";
import { userFaults } from "./engine-contract/user-faults.ts";
import type { ResourcePolicy } from "./policy.ts";

/**
 * What the profile of an engine says, routes, probes, Services and drains rely on. A transformation of the stack, or a
 * resource written by hand, breaks it unseen: the replica comes up, and loses requests at the next rollout.
 */
export const engineContract: ResourcePolicy = {
  name: "engine-contract",
  description: "Pods of engines drain, answer probes, run and are reached as the engine's profile says.",
  level: "mandatory",
  check: (resource) => [
    ...enginePodsOf(resource).flatMap((pod) => [
      ...drainFaults(pod),
      ...probeFaults(pod),
      ...commandFaults(pod),
      ...userFaults(pod),
    ]),
    ...ingressFaults(resource),
  ],
};
