import { certain } from "../certain.ts";
import type { Candidate } from "../allocation.ts";
import { analyze, analyzeAlone, infernoReplica } from "../models/inferno.ts";
import type { InfernoReplica, MixMember } from "../models/inferno.ts";
import type { GroupDemand, Rejection, Workload } from "../workload.ts";
import { highestPlannedPerMs, largestRate } from "./largest-rate.ts";
import type { LargestRate } from "./largest-rate.ts";
import type { ProfiledShape } from "./shapes.ts";
import { brokenTargets, reachedMs, sloTargetsOf } from "./slo-targets.ts";
import type { SloTarget } from "./slo-targets.ts";

/** A group's size in one shape. */
export interface SizedShape {
  readonly candidate: Candidate;
  /** What one replica's cards cost: orders candidates of no replicas, which all cost nothing. */
  readonly usdPerReplicaHour: number;
  /** What breaks even so; empty where everything holds. */
  readonly broken: readonly Rejection[];
}

const msPerMinute = 60_000;

/**
 * The fewest replicas that hold every target at the group's joint load, or the count that the spec says.
 * `workloads` are the group's, in the order of the shape's profiles.
 */
export function sizeShape(
  group: GroupDemand,
  workloads: readonly Workload[],
  shape: ProfiledShape,
  usdPerGpuHour: number,
): SizedShape {
  const replica = infernoReplica(mixOf(workloads, shape), shape.maxBatchSize);
  const targets = sloTargetsOf(workloads);
  // Requests without tokens take no time: there is nothing to size, whatever their rate.
  const weightless = replica.service.baseMs + replica.service.perRequestMs <= 0;
  const loadPerMs = weightless ? 0 : totalRequestsPerMinute(workloads) / msPerMinute;
  const largest: LargestRate = weightless
    ? { feasible: true, throughputPerMs: 0 }
    : largestRate(replica, targets);

  const perReplicaPerMs = largest.feasible ? largest.throughputPerMs : 0;
  const needed = loadPerMs > 0 && perReplicaPerMs > 0 ? Math.ceil(loadPerMs / perReplicaPerMs) : 0;
  const replicas = group.fixedReplicas ?? Math.max(needed, group.minReplicas);
  const serves = loadPerMs > 0 && replicas > 0;
  const { utilisation, predictions } = serves
    ? analyze(replica, loadPerMs / replicas)
    : analyzeAlone(replica);
  const usdPerReplicaHour = shape.gpusPerReplica * usdPerGpuHour;
  return {
    candidate: {
      accelerator: shape.accelerator,
      gpusPerReplica: shape.gpusPerReplica,
      replicas,
      maxBatchSize: shape.maxBatchSize,
      weightsGiB: shape.weightsGiB,
      utilisation,
      maxRequestsPerMinutePerReplica: perReplicaPerMs * msPerMinute,
      predictions,
      ...bindingOf(group, loadPerMs, needed, largest),
      gpuUsdPerHour: replicas * usdPerReplicaHour,
      origins: shape.origins,
    },
    usdPerReplicaHour,
    broken:
      group.fixedReplicas !== undefined
        ? brokenAtFixedSize(group, shape, replica, targets, loadPerMs)
        : largest.feasible
          ? []
          : largest.broken.map((one) => sloRejection(shape, one.target, one.reachedMs)),
  };
}

function bindingOf(
  group: GroupDemand,
  loadPerMs: number,
  needed: number,
  largest: LargestRate,
): Pick<Candidate, "binding" | "bindingSlo"> {
  if (group.fixedReplicas !== undefined) return { binding: "fixed" };
  if (loadPerMs === 0) return { binding: "idle" };
  // One replica more than nothing is no choice: neither load nor targets made it so.
  if (needed <= group.minReplicas) return { binding: "minimum" };
  if (!largest.feasible || !largest.binding) return { binding: "saturation" };
  const { workload, name } = largest.binding;
  return { binding: "slo", bindingSlo: { workload, target: name } };
}

/** What breaks with the replicas that the spec says: the targets at that load, or the load where none is set. */
function brokenAtFixedSize(
  group: GroupDemand,
  shape: ProfiledShape,
  replica: InfernoReplica,
  targets: readonly SloTarget[],
  totalPerMs: number,
): readonly Rejection[] {
  const replicas = group.fixedReplicas ?? 0;
  const load = (allowedPerMs: number): Rejection => ({
    accelerator: shape.accelerator,
    gpusPerReplica: shape.gpusPerReplica,
    subject: group.id,
    constraint: "load",
    allowed: allowedPerMs * msPerMinute,
    reached: totalPerMs * msPerMinute,
    unit: "requests/min",
  });
  if (totalPerMs === 0) return [];
  if (replicas === 0) return [load(0)];
  const { predictions } = analyze(replica, totalPerMs / replicas);
  const broken = brokenTargets(targets, predictions);
  if (broken.length > 0) {
    return broken.map((target) => sloRejection(shape, target, reachedMs(target, predictions)));
  }
  const allowedPerMs = highestPlannedPerMs(replica, targets) * replicas;
  return totalPerMs > allowedPerMs ? [load(allowedPerMs)] : [];
}

/** An idle mix is sized as if all its workloads were equally frequent, so that each of their targets counts. */
function mixOf(workloads: readonly Workload[], shape: ProfiledShape): readonly MixMember[] {
  const total = totalRequestsPerMinute(workloads);
  return workloads.map(({ id, load }, index) => ({
    workload: id,
    profile: certain(shape.profiles[index]),
    inputTokens: load.inputTokens,
    outputTokens: load.outputTokens,
    share: total > 0 ? load.requestsPerMinute / total : 1 / workloads.length,
  }));
}

function totalRequestsPerMinute(workloads: readonly Workload[]): number {
  return workloads.reduce((sum, { load }) => sum + load.requestsPerMinute, 0);
}

function sloRejection(shape: ProfiledShape, target: SloTarget, reached: number): Rejection {
  return {
    accelerator: shape.accelerator,
    gpusPerReplica: shape.gpusPerReplica,
    subject: target.workload,
    constraint: target.name,
    allowed: target.allowedMs,
    reached,
    unit: "ms",
  };
}
