import { partsOf } from "../../optimizer/allocation.ts";
import type { Candidate, GroupAllocation } from "../../optimizer/allocation.ts";
import type { PartialDevice } from "../../optimizer/catalog/catalog.ts";
import type { DisaggregatedSize } from "../../optimizer/sizing/disaggregated.ts";
import type { Pool } from "../../optimizer/sizing/pool-load.ts";
import { podShape } from "../../optimizer/pod-shape.ts";
import type { PerformanceProfile } from "../../optimizer/profiles/performance-profile.ts";
import { autoscalingPlan } from "../scaling/autoscaling-plan.ts";
import type { GroupDraft } from "./group-drafts.ts";
import type { GroupModel, PoolExplanation, ReplicaGroupPlan } from "./platform-plan.ts";

/** Read rate assumed for weights at start: a cold shared file system or object store. */
const weightsGiBPerSecond = 0.3;
/** Graph capture, kernel compilation and process start on top of reading. */
const engineStartSeconds = 300;
/** Below ten minutes a cold image pull fails the first start; above two hours something is broken. */
const startupBoundsSeconds = { min: 600, max: 7_200 } as const;

interface GroupPlanInput {
  readonly draft: GroupDraft;
  /** The draft's, or one of its own where this is the second part of a split, or a pool of a disaggregated model. */
  readonly name: string;
  readonly allocation: GroupAllocation;
  /** The chosen candidate, or one part of it. */
  readonly part: Candidate;
  /** What its accelerator is where it is not a whole card. */
  readonly device?: PartialDevice | undefined;
  /** The cheapest split into two pools, where there is one. */
  readonly disaggregated?: DisaggregatedSize | undefined;
  readonly namespace: string;
  readonly usdPerHour: number;
  readonly nodePools: readonly string[];
  readonly placement: ReplicaGroupPlan["placement"];
}

/** A placed group with everything a component or an emulator needs. */
export function groupPlan({
  draft,
  name,
  allocation,
  part,
  device,
  disaggregated,
  namespace,
  usdPerHour,
  nodePools,
  placement,
}: GroupPlanInput): ReplicaGroupPlan {
  const { chosen, alternatives } = allocation;
  const pod = podShape(part);
  // Every request goes through both pools of a disaggregated model.
  const share = chosen.parts && !part.role ? carriedPerMinute(part) / carriedPerMinute(chosen) : undefined;
  const resources = draft.demand.resources(pod);
  const [nextBest] = alternatives.toSorted((left, right) => left.extraUsdPerHour - right.extraUsdPerHour);
  const nextPart =
    nextBest && (partsOf(nextBest.candidate).find(({ role }) => role === part.role) ?? nextBest.candidate);
  const { binding, bindingSlo } = part.role ? part : chosen;
  const [options] = draft.models.map((model) => model.options);
  const plannerGpus =
    draft.profile.replicasPer === "model" && options ? draft.profile.plannerGpus?.(options) : undefined;
  return {
    name,
    engine: draft.engine,
    engineType: draft.engineType,
    namespace,
    models: draft.models.map((model) => groupModel(draft, model, part, chosen)),
    serviceClasses: [
      ...new Set(
        draft.servers
          .toSorted((left, right) => left.priority - right.priority)
          .map((one) => one.serviceClass),
      ),
    ],
    accelerator: part.accelerator,
    ...(device ? { device } : {}),
    ...(part.role ? { role: part.role } : {}),
    gpusPerReplica: part.gpusPerReplica,
    nodesPerReplica: part.nodesPerReplica ?? 1,
    replicas: part.replicas,
    replicasOwner: plannerGpus === undefined ? (draft.runtime.autoscaling?.scaler ?? "plan") : "engine",
    ...(plannerGpus === undefined
      ? {}
      : { plannerMaxReplicas: Math.max(part.replicas, Math.floor(plannerGpus / part.gpusPerReplica)) }),
    ...(draft.runtime.autoscaling
      ? {
          autoscaling: autoscalingPlan(draft.runtime.autoscaling, {
            replicas: part.replicas,
            maxBatchSize: part.maxBatchSize,
            maxRequestsPerMinutePerReplica: part.maxRequestsPerMinutePerReplica,
          }),
        }
      : {}),
    replicasFrom: draft.replicasFrom,
    maxBatchSize: part.maxBatchSize,
    environment: draft.runtime.environment,
    arguments: draft.runtime.arguments,
    cpuMillis: resources.cpuMillis,
    memoryMiB: resources.memoryMiB,
    sharedMemoryMiB: draft.profile.sharedMemoryMiB(pod),
    startupSeconds: startupSeconds(part.weightsGiB),
    weightsGiB: part.weightsGiB,
    utilisation: part.utilisation,
    maxRequestsPerMinutePerReplica: part.maxRequestsPerMinutePerReplica,
    requestsPerMinute:
      (share ?? 1) * draft.servers.reduce((sum, server) => sum + server.load.requestsPerMinute, 0),
    ...(share === undefined ? {} : { share }),
    usdPerHour,
    nodePools,
    placement,
    explanation: {
      binding,
      ...(bindingSlo ? { bindingSlo } : {}),
      ...(nextBest && nextPart
        ? {
            nextBest: {
              accelerator: nextPart.accelerator,
              gpusPerReplica: nextPart.gpusPerReplica,
              replicas: nextPart.replicas,
              extraUsdPerHour: nextBest.extraUsdPerHour,
            },
          }
        : {}),
      ...(disaggregated
        ? {
            disaggregated: {
              prefill: poolExplanation(disaggregated.prefill),
              decode: poolExplanation(disaggregated.decode),
              extraUsdPerHour: disaggregated.usdPerHour - chosen.gpuUsdPerHour,
            },
          }
        : {}),
    },
  };
}

/** Requests a minute that all replicas carry together within the targets. */
function carriedPerMinute({ parts, replicas, maxRequestsPerMinutePerReplica }: Candidate): number {
  return parts
    ? parts.reduce((sum, part) => sum + carriedPerMinute(part), 0)
    : replicas * maxRequestsPerMinutePerReplica;
}

function poolExplanation({ shape, replicas }: Pool): PoolExplanation {
  return { accelerator: shape.accelerator, gpusPerReplica: shape.gpusPerReplica, replicas };
}

function groupModel(
  draft: GroupDraft,
  model: GroupDraft["models"][number],
  part: Candidate,
  chosen: Candidate,
): GroupModel {
  const profile = profileOf(draft, model.name, part);
  // A sequence that one pool takes must fit into the other; parts of a split stand for themselves.
  const together = part.role ? partsOf(chosen) : [part];
  const batchSizes = together.map((one) => profileOf(draft, model.name, one).maxBatchSize);
  // Sequences longer than this are not known to fit into the KV cache beside each other.
  const sequencesThatFit = model.loadSequenceTokens * Math.min(...batchSizes);
  const otherNames = draft.profile.servedNames?.(model) ?? [];
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
    ...(otherNames.length > 0 ? { otherNames } : {}),
    options: model.options,
    origin: profile.origin,
  };
}

function profileOf(draft: GroupDraft, model: string, part: Candidate): PerformanceProfile {
  const profile = draft.demand.profiles.find(
    (candidate) =>
      candidate.model === model &&
      candidate.accelerator === part.accelerator &&
      candidate.gpusPerReplica === part.gpusPerReplica,
  );
  if (!profile) throw new RangeError(`${model} has no profile for the chosen ${part.accelerator}`);
  return profile;
}

function startupSeconds(weightsGiB: number): number {
  const needed = Math.ceil(weightsGiB / weightsGiBPerSecond) + engineStartSeconds;
  return Math.min(Math.max(needed, startupBoundsSeconds.min), startupBoundsSeconds.max);
}
