import { certain } from "../certain.ts";
import type { PerformanceProfile, ProfileOrigin } from "../profiles/performance-profile.ts";
import type { GroupDemand, Rejection, Workload } from "../workload.ts";
import { compareText } from "../text-order.ts";

/** A shape on which every model of a group has a profile. */
export interface ProfiledShape {
  readonly accelerator: string;
  /** Over all nodes of a replica. */
  readonly gpusPerReplica: number;
  /** At least 1. */
  readonly nodesPerReplica: number;
  /** One for each workload of the group, in the group's order by id. */
  readonly profiles: readonly PerformanceProfile[];
  /** Weights of all models of the group over all cards of one replica. */
  readonly weightsGiB: number;
  readonly maxBatchSize: number;
  readonly origins: readonly ProfileOrigin[];
}

/**
 * The group's shapes in order of accelerator and cards; those some models have no profile for are rejected. Only those
 * that the group allows: of the cards that are said, in equal parts on each node.
 */
export function profiledShapes(
  group: GroupDemand,
  workloads: readonly Workload[],
): { readonly shapes: readonly ProfiledShape[]; readonly rejections: readonly Rejection[] } {
  const models = [...new Set(workloads.map((workload) => workload.model))];
  const { gpusPerReplica: saidGpus, nodesPerReplica = 1 } = group;
  const byShape = new Map<string, PerformanceProfile[]>();
  for (const profile of group.profiles
    .filter(
      ({ model, gpusPerReplica }) =>
        models.includes(model) &&
        gpusPerReplica === (saidGpus ?? gpusPerReplica) &&
        gpusPerReplica % nodesPerReplica === 0,
    )
    .toSorted(compareProfiles)) {
    const key = `${profile.accelerator}\n${profile.gpusPerReplica}`;
    const known = byShape.get(key);
    if (known) known.push(profile);
    else byShape.set(key, [profile]);
  }

  const shapes: ProfiledShape[] = [];
  const rejections: Rejection[] = [];
  for (const profiles of byShape.values()) {
    const { accelerator, gpusPerReplica } = certain(profiles[0]);
    // The first of a model's profiles is the most trusted one.
    const profileOf = new Map<string, PerformanceProfile>();
    for (const profile of profiles) if (!profileOf.has(profile.model)) profileOf.set(profile.model, profile);
    const missing = workloads.find((workload) => !profileOf.has(workload.model));
    if (missing) {
      rejections.push({
        accelerator,
        gpusPerReplica,
        ...(nodesPerReplica > 1 ? { nodesPerReplica } : {}),
        subject: missing.id,
        constraint: "profile",
        allowed: profileOf.size,
        reached: models.length,
        unit: "profile",
      });
      continue;
    }
    const used = models.map((model) => certain(profileOf.get(model)));
    shapes.push({
      accelerator,
      gpusPerReplica,
      nodesPerReplica,
      profiles: workloads.map((workload) => certain(profileOf.get(workload.model))),
      weightsGiB: used.reduce(
        (sum, profile) => sum + profile.weightsGiB * (group.weightCopies?.[profile.model] ?? 1),
        0,
      ),
      maxBatchSize: Math.max(
        1,
        // A profile's batch is what memory holds: a smaller one may be asked for, a larger one would not fit.
        Math.min(
          group.maxBatchSize ?? Number.POSITIVE_INFINITY,
          ...used.map((profile) => profile.maxBatchSize),
        ),
      ),
      origins: used.map((profile) => profile.origin),
    });
  }
  return { shapes, rejections };
}

/** What the spec says wins over a measurement elsewhere, and both over an estimate. */
const trust = { given: 0, measured: 1, estimate: 2 } as const;

function compareProfiles(a: PerformanceProfile, b: PerformanceProfile): number {
  return (
    compareText(a.accelerator, b.accelerator) ||
    a.gpusPerReplica - b.gpusPerReplica ||
    compareText(a.model, b.model) ||
    trust[a.origin.kind] - trust[b.origin.kind] ||
    a.alphaMs - b.alphaMs ||
    a.betaMs - b.betaMs ||
    a.gammaMs - b.gammaMs ||
    a.deltaMs - b.deltaMs ||
    b.maxBatchSize - a.maxBatchSize ||
    a.weightsGiB - b.weightsGiB ||
    compareText(a.origin.source, b.origin.source)
  );
}
