import { terminationGraceSeconds, type EngineProfile } from "../../platform/engines/engine-profile.ts";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";

/**
 * Time for what the plan's `startupSeconds` leave out: a node that comes up and the pull of an image of tens of GiB.
 */
const placementSeconds = 1200;

/** How long Pulumi waits for a group's workload. */
export interface EngineTimeouts {
  /** From the creation of a replica until it is ready. */
  readonly replicaSeconds: number;
  readonly create: string;
  readonly update: string;
  readonly delete: string;
}

export function engineTimeouts(profile: EngineProfile, group: ReplicaGroupPlan): EngineTimeouts {
  const replicaSeconds = placementSeconds + group.startupSeconds;
  // A rollout changes one replica after the other, each at most this long.
  const replicas = Math.max(group.replicas, group.autoscaling?.maxReplicas ?? 0);
  const rolloutSeconds = replicas * (replicaSeconds + terminationGraceSeconds(profile));
  return { replicaSeconds, create: `${replicaSeconds}s`, update: `${rolloutSeconds}s`, delete: "30m" };
}
