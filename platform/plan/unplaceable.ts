import { PlatformError, type Problem } from "../errors/platform-error.ts";
import type { Rejection } from "../../optimizer/workload.ts";
import { adapterProblems } from "../scaling/adapter-bounds.ts";
import { plannedBoundProblems } from "../scaling/planned-bounds.ts";
import type { PlatformPlan } from "./platform-plan.ts";

/** How many near misses an error lists: enough to see the pattern. */
const listedMisses = 3;

/**
 * Refuses a plan that leaves servers out.
 *
 * @throws PlatformError PLAN_UNPLACEABLE with the nearest misses of every server that has no place.
 */
export function requirePlaced(plan: PlatformPlan): void {
  const problems = unplaceableProblems(plan);
  if (problems.length > 0) throw new PlatformError(problems);
}

export function unplaceableProblems(plan: PlatformPlan): Problem[] {
  const unplaced = plan.unplaced.map(({ servers, misses }): Problem => ({
    code: "PLAN_UNPLACEABLE",
    message: `${servers.join(", ")} cannot be placed. ${
      misses.length > 0
        ? `Nearest: ${misses.slice(0, listedMisses).map(renderMiss).join("; ")}`
        : "No allowed accelerator carries the model."
    }`,
  }));
  return [...unplaced, ...plannedBoundProblems(plan.groups), ...adapterProblems(plan.groups)];
}

/** `4x H100-80G: ttftP95 20 ms is allowed, 96 ms is the best it reaches (chat/llama-3-70b/1/Premium)`. */
export function renderMiss(miss: Rejection): string {
  const nodes = miss.nodesPerReplica === undefined ? "" : ` over ${miss.nodesPerReplica} nodes`;
  const shape = `${miss.gpusPerReplica}x ${miss.accelerator}${nodes}`;
  const allowed = `${round(miss.allowed)} ${miss.unit}`;
  const reached = `${round(miss.reached)} ${miss.unit}`;
  switch (miss.constraint) {
    case "memory":
      return `${shape}: needs ${reached} of GPU memory, has ${allowed}`;
    case "capacity":
      return `${shape}: needs ${reached}, the limit leaves ${allowed}`;
    case "heads":
      return `${shape}: the attention heads of ${miss.subject} cannot be shared out over ${reached} of a node, but over ${allowed}`;
    case "keyValues":
      return `two pools of ${miss.subject} hand over keys and values of unknown size: architecture or base tells it`;
    case "node":
      if (miss.nodesPerReplica !== undefined && miss.unit === "GPU") {
        return `${shape}: every pod takes a whole node of the same number of GPUs (needs ${reached}, nearest is ${allowed})`;
      }
      return `${shape}: no instance type holds a replica (needs ${reached}, the largest has ${allowed})`;
    case "purchase":
      return `${shape}: the nodes that may be bought do not suffice (nodes.purchase, mostSpotFraction, headroom)`;
    case "profile":
      if (miss.gpusPerReplica === 0) return "no allowed accelerator can run its models";
      return `${shape}: no performance profile for ${miss.subject}`;
    case "load":
      return `${shape}: the load of ${reached} is more than the ${allowed} it carries (${miss.subject})`;
    default:
      return `${shape}: ${miss.constraint} of ${miss.subject} may be ${allowed}, the best it reaches is ${reached}`;
  }
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
