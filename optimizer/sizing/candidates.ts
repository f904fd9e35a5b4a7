import { certain } from "../certain.ts";
import type { Candidate } from "../allocation.ts";
import type { SizingProblem } from "../problem.ts";
import { compareText } from "../text-order.ts";
import type { GroupDemand, Rejection, Workload } from "../workload.ts";
import { disaggregatedCandidates } from "./disaggregated-candidates.ts";
import { nearestMissFirst } from "./nearest-miss.ts";
import type { NodeShape } from "./node-shapes.ts";
import { offeredShapes } from "./offered-shapes.ts";
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
export function candidatesOf(group: GroupDemand, problem: SizingProblem): GroupCandidates {
  const workloads = group.workloads.toSorted((a, b) => compareText(a.id, b.id));
  const { shapes, rejections: unfit } = offeredShapes(group, workloads, problem);
  if (group.disaggregated) {
    const { candidates, rejections } = disaggregatedCandidates(group, shapes);
    return { candidates, rejections: nearestMissFirst([...unfit, ...rejections]) };
  }

  const sized = shapes.map((shape) => sizeShape(group, workloads, shape));
  const feasible = sized.filter(({ broken }) => broken.length === 0);
  // A count said in the spec stands even where no shape can hold the targets with it; the predictions then tell.
  const kept = feasible.length === 0 && group.fixedReplicas !== undefined ? sized : feasible;
  const broken = sized.filter((one) => !kept.includes(one)).flatMap((one) => one.broken);
  const whole = kept.toSorted(compareSized).map(({ candidate }) => candidate);
  const splits = maySplit(group) ? splitsOf(group, workloads, whole, shapes) : [];
  return {
    candidates: [...whole, ...splits].toSorted((a, b) => a.gpuUsdPerHour - b.gpuUsdPerHour),
    rejections: nearestMissFirst([...unfit, ...broken]),
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
  shapes: readonly NodeShape[],
): readonly Candidate[] {
  const requestsPerMinute = workloads.reduce((sum, { load }) => sum + load.requestsPerMinute, 0);
  return splitCandidates(whole, requestsPerMinute, (candidate, fixedReplicas, share) => {
    const shape = certain(
      shapes.find(
        ({ accelerator, gpusPerReplica, instanceType }) =>
          accelerator === candidate.accelerator &&
          gpusPerReplica === candidate.gpusPerReplica &&
          instanceType === candidate.instanceType,
      ),
    );
    const part = workloads.map((workload) => ({
      ...workload,
      load: { ...workload.load, requestsPerMinute: share * workload.load.requestsPerMinute },
    }));
    return sizeShape({ ...group, fixedReplicas }, part, shape).candidate;
  });
}

/** Cheapest first, then a total order by shape. */
function compareSized(a: SizedShape, b: SizedShape): number {
  return (
    a.candidate.gpuUsdPerHour - b.candidate.gpuUsdPerHour ||
    a.usdPerReplicaHour - b.usdPerReplicaHour ||
    compareText(a.candidate.accelerator, b.candidate.accelerator) ||
    a.candidate.gpusPerReplica - b.candidate.gpusPerReplica ||
    compareText(a.candidate.instanceType ?? "", b.candidate.instanceType ?? "")
  );
}
