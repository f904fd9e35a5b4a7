import type { EngineProfile } from "../../engines/engine-profile.ts";
import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { list, number, record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";

/** How a replica of a model lies on nodes: how many it spans, and whether there are nodes with so many GPUs. */
export function replicaShapeProblems(
  spec: Raw,
  model: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile,
): RuleProblem[] {
  const nodes = number(model.nodesPerReplica) ?? 1;
  const gpus = number(model.gpusPerReplica);
  if (nodes > 1 && !profile.multiNode) {
    return [
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: [...path, "nodesPerReplica"],
        message: `a replica of ${profile.title} cannot span ${nodes} nodes`,
        allowed: "1",
      },
    ];
  }
  if (gpus === undefined) return [];
  if (nodes > 1 && gpus % nodes !== 0) {
    return [
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: [...path, "gpusPerReplica"],
        message: `${gpus} GPUs cannot be shared out equally over ${nodes} nodes`,
        allowed: `a multiple of ${nodes}, such as ${Math.ceil(gpus / nodes) * nodes}`,
      },
    ];
  }
  const most = mostGpusOfNode(spec);
  if (most === undefined || gpus / nodes <= most) return [];
  const needed = Math.ceil(gpus / most);
  return [
    {
      code: "SPEC_COMBINATION_UNSUPPORTED",
      path: [...path, "gpusPerReplica"],
      message: `${gpus / nodes} GPUs on one node, where no node of the accelerators in use has more than ${most}`,
      allowed: profile.multiNode
        ? `at most ${most * nodes}, or nodesPerReplica: ${needed}`
        : `at most ${most * nodes}`,
    },
  ];
}

/** The most GPUs that a node of an accelerator in use has; undefined without a catalog, which is reported. */
function mostGpusOfNode(spec: Raw): number | undefined {
  const catalog = catalogOf(text(spec.catalog) ?? "");
  if (!catalog) return undefined;
  const { use, custom } = record(spec.accelerators);
  const used = use === undefined ? undefined : list(use);
  const isUsed = (name: string | undefined) => used?.includes(name) ?? true;
  const counts = [
    ...catalog.instanceTypes.filter(({ accelerator }) => isUsed(accelerator)).map(({ gpuCount }) => gpuCount),
    ...records(custom)
      .filter(({ entry }) => isUsed(text(entry.name)))
      .flatMap(({ entry }) => records(entry.instanceTypes).flatMap((type) => number(type.entry.gpus) ?? [])),
  ];
  return counts.length === 0 ? undefined : Math.max(...counts);
}
