import type { Candidate } from "../allocation.ts";
import type { ReplicaModel } from "../models/replica-model.ts";
import type { GroupDemand, Rejection, Workload } from "../workload.ts";
import { highestPlannedPerMs, holdsAt, largestRate } from "./largest-rate.ts";
import type { LargestRate } from "./largest-rate.ts";
import { replicaModel } from "./replica-model.ts";
import type { NodeShape } from "./node-shapes.ts";
import { rejectedShape } from "./rejected-shape.ts";
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
 * The fewest replicas that hold every target at the group's joint load, in the busiest period of the day, or the count
 * that the spec says. `workloads` are the group's, in the order of the shape's profiles.
 */
export function sizeShape(group: GroupDemand, workloads: readonly Workload[], shape: NodeShape): SizedShape {
  if (!group.periods) return sizeForLoad(group, workloads, shape);
  const sizes = group.periods.map((period) => {
    const loaded = workloads.map((workload) => ({
      ...workload,
      load: { ...workload.load, requestsPerMinute: period.requestsPerMinute[workload.id] ?? 0 },
    }));
    return { size: sizeForLoad(group, loaded, shape), load: totalRequestsPerMinute(loaded) };
  });
  const { size: busiest } = sizes.reduce((most, one) => (isBusier(one, most) ? one : most));
  const replicasByPeriod = sizes.map(({ size }) => size.candidate.replicas);
  return { ...busiest, candidate: { ...busiest.candidate, replicasByPeriod } };
}

interface PeriodSize {
  readonly size: SizedShape;
  readonly load: number;
}

/** A period in which a target breaks is the one to tell of; then more replicas, then more load on as many. */
function isBusier(one: PeriodSize, other: PeriodSize): boolean {
  const broken = Number(one.size.broken.length > 0) - Number(other.size.broken.length > 0);
  const replicas = one.size.candidate.replicas - other.size.candidate.replicas;
  return (broken || replicas || one.load - other.load) > 0;
}

function sizeForLoad(group: GroupDemand, workloads: readonly Workload[], shape: NodeShape): SizedShape {
  const model = replicaModel(group, workloads, shape);
  const targets = sloTargetsOf(workloads);
  // Requests without tokens take no time: there is nothing to size, whatever their rate.
  const weightless = !Number.isFinite(model.saturationPerMs);
  const loadPerMs = weightless ? 0 : totalRequestsPerMinute(workloads) / msPerMinute;
  // Found only where a size or a reader asks for it: most groups are served by their least count of replicas.
  const largest = once((): LargestRate =>
    weightless ? { feasible: true, requestsPerMs: 0 } : largestRate(model, targets),
  );
  const needed = neededReplicas(group, model, targets, loadPerMs, largest);
  const replicas = group.fixedReplicas ?? Math.max(needed, group.minReplicas);
  const serves = loadPerMs > 0 && replicas > 0;
  // Candidates that are not chosen are asked for their cost only.
  const analysis = () => (serves ? model.at(loadPerMs / replicas) : model.alone());
  const usdPerReplicaHour = shape.gpusPerReplica * shape.usdPerGpuHour;
  return {
    candidate: {
      accelerator: shape.accelerator,
      gpusPerReplica: shape.gpusPerReplica,
      ...(shape.nodesPerReplica > 1 ? { nodesPerReplica: shape.nodesPerReplica } : {}),
      ...(shape.instanceType === undefined ? {} : { instanceType: shape.instanceType }),
      replicas,
      maxBatchSize: shape.maxBatchSize,
      weightsGiB: shape.weightsGiB,
      get utilisation() {
        return analysis().utilisation;
      },
      get maxRequestsPerMinutePerReplica() {
        const found = largest();
        return found.feasible ? found.requestsPerMs * msPerMinute : 0;
      },
      get predictions() {
        return analysis().predictions;
      },
      ...bindingOf(group, loadPerMs, needed, largest),
      gpuUsdPerHour: replicas * usdPerReplicaHour,
      origins: shape.origins,
    },
    usdPerReplicaHour,
    broken: brokenBy(group, shape, model, targets, loadPerMs, needed, largest),
  };
}

type Largest = () => LargestRate;

function once<Value>(compute: () => Value): () => Value {
  let known: { readonly value: Value } | undefined;
  return () => (known ??= { value: compute() }).value;
}

/** 0 where no count has to be found: it is said, nothing arrives, or the least count suffices. */
function neededReplicas(
  group: GroupDemand,
  model: ReplicaModel,
  targets: readonly SloTarget[],
  loadPerMs: number,
  largest: Largest,
): number {
  const { fixedReplicas, minReplicas } = group;
  if (fixedReplicas !== undefined || loadPerMs === 0) return 0;
  if (minReplicas > 0 && holdsAt(model, targets, loadPerMs / minReplicas)) return 0;
  const found = largest();
  return found.feasible ? Math.ceil(loadPerMs / found.requestsPerMs) : 0;
}

function bindingOf(
  group: GroupDemand,
  loadPerMs: number,
  needed: number,
  largest: Largest,
): Pick<Candidate, "binding" | "bindingSlo"> {
  if (group.fixedReplicas !== undefined) return { binding: "fixed" };
  if (loadPerMs === 0) return { binding: "idle" };
  // One replica more than nothing is no choice: neither load nor targets made it so.
  if (needed <= group.minReplicas) return { binding: "minimum" };
  const found = largest();
  if (!found.feasible || !found.binding) return { binding: "saturation" };
  const { workload, name } = found.binding;
  return { binding: "slo", bindingSlo: { workload, target: name } };
}

/** What breaks even at the size that was found; empty where everything holds. */
function brokenBy(
  group: GroupDemand,
  shape: NodeShape,
  model: ReplicaModel,
  targets: readonly SloTarget[],
  loadPerMs: number,
  needed: number,
  largest: Largest,
): readonly Rejection[] {
  if (group.fixedReplicas !== undefined) return brokenAtFixedSize(group, shape, model, targets, loadPerMs);
  if (needed > 0) return [];
  // The least count suffices, or no count does; without load the best that a replica can do decides.
  if (loadPerMs > 0 && group.minReplicas > 0 && holdsAt(model, targets, loadPerMs / group.minReplicas))
    return [];
  const found = largest();
  return found.feasible ? [] : found.broken.map((one) => sloRejection(shape, one.target, one.reachedMs));
}

/** What breaks with the replicas that the spec says: the targets at that load, or the load where none is set. */
function brokenAtFixedSize(
  group: GroupDemand,
  shape: NodeShape,
  model: ReplicaModel,
  targets: readonly SloTarget[],
  totalPerMs: number,
): readonly Rejection[] {
  const replicas = group.fixedReplicas ?? 0;
  const load = (allowedPerMs: number): Rejection => ({
    ...rejectedShape(shape),
    subject: group.id,
    constraint: "load",
    allowed: allowedPerMs * msPerMinute,
    reached: totalPerMs * msPerMinute,
    unit: "requests/min",
  });
  if (totalPerMs === 0) return [];
  if (replicas === 0) return [load(0)];
  const { predictions } = model.at(totalPerMs / replicas);
  const broken = brokenTargets(targets, predictions);
  if (broken.length > 0) {
    return broken.map((target) => sloRejection(shape, target, reachedMs(target, predictions)));
  }
  const allowedPerMs = highestPlannedPerMs(model, targets) * replicas;
  return totalPerMs > allowedPerMs ? [load(allowedPerMs)] : [];
}

function totalRequestsPerMinute(workloads: readonly Workload[]): number {
  return workloads.reduce((sum, { load }) => sum + load.requestsPerMinute, 0);
}

function sloRejection(shape: NodeShape, target: SloTarget, reached: number): Rejection {
  return {
    ...rejectedShape(shape),
    subject: target.workload,
    constraint: target.name,
    allowed: target.allowedMs,
    reached,
    unit: "ms",
  };
}
