import type { GroupAllocation } from "../../optimizer/allocation.ts";
import type { GroupDraft } from "./group-drafts.ts";
import type { GroupModel, ReplicaGroupPlan } from "./platform-plan.ts";

/** Read rate assumed for weights at start: a cold shared file system or object store. */
const weightsGiBPerSecond = 0.3;
/** Graph capture, kernel compilation and process start on top of reading. */
const engineStartSeconds = 300;
/** Below ten minutes a cold image pull fails the first start; above two hours something is broken. */
const startupBoundsSeconds = { min: 600, max: 7_200 } as const;

interface GroupPlanInput {
  readonly draft: GroupDraft;
  readonly allocation: GroupAllocation;
  readonly namespace: string;
  readonly usdPerHour: number;
  readonly nodePools: readonly string[];
  readonly placement: ReplicaGroupPlan["placement"];
}

/** A placed group with everything a component or an emulator needs. */
export function groupPlan({
  draft,
  allocation,
  namespace,
  usdPerHour,
  nodePools,
  placement,
}: GroupPlanInput): ReplicaGroupPlan {
  const { chosen, alternatives } = allocation;
  const shape = {
    accelerator: chosen.accelerator,
    gpusPerReplica: chosen.gpusPerReplica,
    weightsGiB: chosen.weightsGiB,
  };
  const resources = draft.profile.resources(shape);
  const [nextBest] = alternatives.toSorted((left, right) => left.extraUsdPerHour - right.extraUsdPerHour);
  return {
    name: draft.name,
    engine: draft.engine,
    engineType: draft.engineType,
    namespace,
    models: draft.models.map((model) => groupModel(draft, model, chosen)),
    serviceClasses: [
      ...new Set(
        draft.servers
          .toSorted((left, right) => left.priority - right.priority)
          .map((one) => one.serviceClass),
      ),
    ],
    accelerator: chosen.accelerator,
    gpusPerReplica: chosen.gpusPerReplica,
    replicas: chosen.replicas,
    replicasOwner: "plan",
    replicasFrom: draft.replicasFrom,
    maxBatchSize: chosen.maxBatchSize,
    cpuMillis: resources.cpuMillis,
    memoryMiB: resources.memoryMiB,
    sharedMemoryMiB: draft.profile.sharedMemoryMiB(shape),
    startupSeconds: startupSeconds(chosen.weightsGiB),
    weightsGiB: chosen.weightsGiB,
    utilisation: chosen.utilisation,
    maxRequestsPerMinutePerReplica: chosen.maxRequestsPerMinutePerReplica,
    requestsPerMinute: draft.servers.reduce((sum, server) => sum + server.load.requestsPerMinute, 0),
    usdPerHour,
    nodePools,
    placement,
    explanation: {
      binding: chosen.binding,
      ...(chosen.bindingSlo ? { bindingSlo: chosen.bindingSlo } : {}),
      ...(nextBest
        ? {
            nextBest: {
              accelerator: nextBest.candidate.accelerator,
              gpusPerReplica: nextBest.candidate.gpusPerReplica,
              replicas: nextBest.candidate.replicas,
              extraUsdPerHour: nextBest.extraUsdPerHour,
            },
          }
        : {}),
    },
  };
}

function groupModel(
  draft: GroupDraft,
  model: GroupDraft["models"][number],
  chosen: GroupAllocation["chosen"],
): GroupModel {
  const profile = draft.demand.profiles.find(
    (candidate) =>
      candidate.model === model.name &&
      candidate.accelerator === chosen.accelerator &&
      candidate.gpusPerReplica === chosen.gpusPerReplica,
  );
  if (!profile) throw new RangeError(`${model.name} has no profile for the chosen ${chosen.accelerator}`);
  // Sequences longer than this are not known to fit into the KV cache beside each other.
  const sequencesThatFit = model.loadSequenceTokens * profile.maxBatchSize;
  return {
    name: model.name,
    versions: model.versions,
    parameters: {
      alphaMs: profile.alphaMs,
      betaMs: profile.betaMs,
      gammaMs: profile.gammaMs,
      deltaMs: profile.deltaMs,
    },
    task: draft.profile.task,
    maxSequenceTokens: Math.min(model.maxSequenceTokens ?? Number.POSITIVE_INFINITY, sequencesThatFit),
    origin: profile.origin,
  };
}

function startupSeconds(weightsGiB: number): number {
  const needed = Math.ceil(weightsGiB / weightsGiBPerSecond) + engineStartSeconds;
  return Math.min(Math.max(needed, startupBoundsSeconds.min), startupBoundsSeconds.max);
}
