import { nodeTypesByAccelerator } from "../packing/node-fit.ts";
import { activationsGiB, usableGpuGiB } from "../profiles/gpu-memory.ts";
import type { SizingProblem } from "../problem.ts";
import type { GroupDemand, Rejection, Workload } from "../workload.ts";
import { nodeShapesOf } from "./node-shapes.ts";
import type { NodeShape } from "./node-shapes.ts";
import { rejectedShape } from "./rejected-shape.ts";
import { profiledShapes } from "./shapes.ts";
import type { ProfiledShape } from "./shapes.ts";

/** The shapes that a group can run in on what the problem offers, in order, and why it cannot run in the others. */
export interface OfferedShapes {
  readonly shapes: readonly NodeShape[];
  readonly rejections: readonly Rejection[];
}

/** @param workloads the group's, in order of id */
export function offeredShapes(
  group: GroupDemand,
  workloads: readonly Workload[],
  { accelerators, instanceTypes, reservation, nodeOptions }: SizingProblem,
): OfferedShapes {
  const nodeTypes = nodeTypesByAccelerator(instanceTypes, reservation, nodeOptions);
  const offered = new Map(accelerators.map((accelerator) => [accelerator.name, accelerator]));
  const { shapes: profiled, rejections: unprofiled } = profiledShapes(group, workloads);
  const shapes: NodeShape[] = [];
  const rejections = [...group.excluded, ...unprofiled].filter(
    ({ accelerator, gpusPerReplica }) =>
      offered.has(accelerator) && gpusPerReplica === (group.gpusPerReplica ?? gpusPerReplica),
  );
  for (const shape of profiled) {
    const accelerator = offered.get(shape.accelerator);
    if (!accelerator) continue;
    const tooLarge = memoryMiss(group, shape, accelerator.memoryGiB);
    if (tooLarge) {
      rejections.push(tooLarge);
      continue;
    }
    const nodes = nodeTypes.get(shape.accelerator) ?? [];
    // Slices of cards and shares of CPUs exchange nothing with each other, on one node or on several.
    const placed =
      shape.nodesPerReplica > 1 && accelerator.device
        ? ({ allowed: 1, reached: shape.nodesPerReplica, unit: "nodes" } as const)
        : nodeShapesOf(shape, nodes, group.resources);
    if ("unit" in placed) {
      rejections.push({ ...rejectedShape(shape), subject: group.id, constraint: "node", ...placed });
    } else shapes.push(...placed);
  }
  if (shapes.length + rejections.length === 0)
    rejections.push(...nothingOffered(group, profiled, [...offered.keys()]));
  return { shapes, rejections };
}

/** Models that fit one by one may not fit together: a replica holds the weights of all models of its group. */
function memoryMiss(group: GroupDemand, shape: ProfiledShape, memoryGiB: number): Rejection | undefined {
  const allowed = usableGpuGiB(memoryGiB, shape.gpusPerReplica);
  const reached = shape.weightsGiB + shape.gpusPerReplica * activationsGiB;
  return reached <= allowed
    ? undefined
    : { ...rejectedShape(shape), subject: group.id, constraint: "memory", allowed, reached, unit: "GiB" };
}

function nothingOffered(
  group: GroupDemand,
  shapes: readonly ProfiledShape[],
  accelerators: readonly string[],
): readonly Rejection[] {
  const { id: subject, profiles, gpusPerReplica, nodesPerReplica = 1 } = group;
  // The group could run here, but the problem does not offer the accelerator.
  if (shapes.length > 0) {
    return shapes.map((shape) => ({
      ...rejectedShape(shape),
      subject,
      constraint: "capacity",
      allowed: 0,
      reached: shape.gpusPerReplica,
      unit: "GPU",
    }));
  }
  const models = new Set(group.workloads.map(({ model }) => model)).size;
  const unprofiled = {
    subject,
    constraint: "profile",
    allowed: 0,
    reached: models,
    unit: "profile",
  } as const;
  // Nobody said how the group's models perform on any accelerator, so there is no shape to name.
  if (gpusPerReplica === undefined || profiles.length === 0) {
    return [{ accelerator: "", gpusPerReplica: 0, ...unprofiled }];
  }
  return accelerators.map((accelerator) => {
    const shape = rejectedShape({ accelerator, gpusPerReplica, nodesPerReplica });
    if (gpusPerReplica % nodesPerReplica === 0) return { ...shape, ...unprofiled };
    const allowed = Math.max(1, Math.floor(gpusPerReplica / nodesPerReplica)) * nodesPerReplica;
    return { ...shape, subject, constraint: "node", allowed, reached: gpusPerReplica, unit: "GPU" };
  });
}
