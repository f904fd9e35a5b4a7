import { certain } from "../certain.ts";
import type { Candidate } from "../allocation.ts";
import { nodeMisfit, nodeTypesByAccelerator } from "../packing/node-fit.ts";
import type { NodeType } from "../packing/node-fit.ts";
import { activationsGiB, usableGpuGiB } from "../profiles/gpu-memory.ts";
import type { OptimizeProblem } from "../problem.ts";
import { compareText } from "../text-order.ts";
import type { GroupDemand, Rejection, Workload } from "../workload.ts";
import { nearestMissFirst } from "./nearest-miss.ts";
import { profiledShapes } from "./shapes.ts";
import type { ProfiledShape } from "./shapes.ts";
import { splitCandidates } from "./splits.ts";
import { sizeShape } from "./size-shape.ts";
import type { SizedShape } from "./size-shape.ts";

/** The shapes a group can run in, each sized, and why it cannot run in the others. */
export interface GroupCandidates {
  /** Least GPU cost first. */
  readonly candidates: readonly Candidate[];
  /** Nearest miss first. */
  readonly rejections: readonly Rejection[];
}

/** Sizes the group in every shape that its profiles, the allowed accelerators and the instance types offer. */
export function candidatesOf(
  group: GroupDemand,
  problem: Pick<OptimizeProblem, "accelerators" | "instanceTypes" | "reservation" | "nodeOptions">,
): GroupCandidates {
  const workloads = group.workloads.toSorted((a, b) => compareText(a.id, b.id));
  const nodeTypes = nodeTypesByAccelerator(problem.instanceTypes, problem.reservation, problem.nodeOptions);
  const memoryGiB = new Map(
    problem.accelerators.map((accelerator) => [accelerator.name, accelerator.memoryGiB]),
  );
  const allowed = new Set(memoryGiB.keys());
  const { shapes, rejections: unprofiled } = profiledShapes(group, workloads);

  const sized: SizedShape[] = [];
  const rejections: Rejection[] = group.excluded.filter(({ accelerator }) => allowed.has(accelerator));
  rejections.push(...unprofiled.filter(({ accelerator }) => allowed.has(accelerator)));
  for (const shape of shapes.filter(({ accelerator }) => allowed.has(accelerator))) {
    const tooLarge = memoryMiss(group, shape, memoryGiB.get(shape.accelerator) ?? 0);
    if (tooLarge) {
      rejections.push(tooLarge);
      continue;
    }
    const nodes = nodeTypes.get(shape.accelerator) ?? [];
    const misfit = nodeMisfit(nodes, shape.gpusPerReplica, group.resources(shape));
    if (misfit) rejections.push({ ...rejectionOf(shape, group), constraint: "node", ...misfit });
    else sized.push(sizeShape(group, workloads, shape, usdPerGpuHour(nodes)));
  }
  if (sized.length + rejections.length === 0) {
    rejections.push(
      ...(shapes.length > 0 ? shapes.map((shape) => withoutCards(group, shape)) : [withoutProfile(group)]),
    );
  }

  const feasible = sized.filter(({ broken }) => broken.length === 0);
  // A count said in the spec stands even where no shape can hold the targets with it; the predictions then tell.
  const kept = feasible.length === 0 && group.fixedReplicas !== undefined ? sized : feasible;
  rejections.push(...sized.filter((one) => !kept.includes(one)).flatMap(({ broken }) => broken));
  const whole = kept.toSorted(compareSized).map(({ candidate }) => candidate);
  const splits = maySplit(group) ? splitsOf(group, workloads, whole, shapes, nodeTypes) : [];
  return {
    candidates: [...whole, ...splits].toSorted((a, b) => a.gpuUsdPerHour - b.gpuUsdPerHour),
    rejections: nearestMissFirst(rejections),
  };
}

/** Sizes said in the spec and sizes by the hour are those of one kind of replica. */
function maySplit({ maySplit: asked, fixedReplicas, periods }: GroupDemand): boolean {
  return asked === true && fixedReplicas === undefined && periods === undefined;
}

function splitsOf(
  group: GroupDemand,
  workloads: readonly Workload[],
  whole: readonly Candidate[],
  shapes: readonly ProfiledShape[],
  nodeTypes: ReadonlyMap<string, readonly NodeType[]>,
): readonly Candidate[] {
  const requestsPerMinute = workloads.reduce((sum, { load }) => sum + load.requestsPerMinute, 0);
  return splitCandidates(whole, requestsPerMinute, (candidate, fixedReplicas, share) => {
    const shape = certain(
      shapes.find(
        ({ accelerator, gpusPerReplica }) =>
          accelerator === candidate.accelerator && gpusPerReplica === candidate.gpusPerReplica,
      ),
    );
    const part = workloads.map((workload) => ({
      ...workload,
      load: { ...workload.load, requestsPerMinute: share * workload.load.requestsPerMinute },
    }));
    const price = usdPerGpuHour(nodeTypes.get(shape.accelerator) ?? []);
    return sizeShape({ ...group, fixedReplicas }, part, shape, price).candidate;
  });
}

/** Cheapest first, then a total order by shape. */
function compareSized(a: SizedShape, b: SizedShape): number {
  return (
    a.candidate.gpuUsdPerHour - b.candidate.gpuUsdPerHour ||
    a.usdPerReplicaHour - b.usdPerReplicaHour ||
    compareText(a.candidate.accelerator, b.candidate.accelerator) ||
    a.candidate.gpusPerReplica - b.candidate.gpusPerReplica
  );
}

/** Models that fit one by one may not fit together: a replica holds the weights of all models of its group. */
function memoryMiss(group: GroupDemand, shape: ProfiledShape, memoryGiB: number): Rejection | undefined {
  const allowed = usableGpuGiB(memoryGiB, shape.gpusPerReplica);
  const reached = shape.weightsGiB + shape.gpusPerReplica * activationsGiB;
  return reached <= allowed
    ? undefined
    : { ...rejectionOf(shape, group), constraint: "memory", allowed, reached, unit: "GiB" };
}

function usdPerGpuHour(nodes: readonly NodeType[]): number {
  return Math.min(...nodes.map(({ instanceType, usdPerHour }) => usdPerHour / instanceType.gpuCount));
}

function rejectionOf(
  shape: ProfiledShape,
  group: GroupDemand,
): Pick<Rejection, "accelerator" | "gpusPerReplica" | "subject"> {
  return { accelerator: shape.accelerator, gpusPerReplica: shape.gpusPerReplica, subject: group.id };
}

/** The group could run here, but the problem does not offer the accelerator. */
function withoutCards(group: GroupDemand, shape: ProfiledShape): Rejection {
  return {
    ...rejectionOf(shape, group),
    constraint: "capacity",
    allowed: 0,
    reached: shape.gpusPerReplica,
    unit: "GPU",
  };
}

/** Nobody said how the group's models perform on any accelerator, so there is no shape to name. */
function withoutProfile(group: GroupDemand): Rejection {
  return {
    accelerator: "",
    gpusPerReplica: 0,
    subject: group.id,
    constraint: "profile",
    allowed: 0,
    reached: new Set(group.workloads.map(({ model }) => model)).size,
    unit: "profile",
  };
}
