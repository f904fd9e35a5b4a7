import type { Candidate, LatencyPrediction, WorkloadPrediction } from "../allocation.ts";
import { certain } from "../certain.ts";

/** Shapes that splits are made of: the cheapest ones, as pairs of dear shapes hardly ever pay. */
const splitShapes = 4;

/** Counts of the first part that are tried for each pair. */
const splitCounts = 16;

/** Sizes one part of a group: so many replicas in the candidate's shape, at a share of the group's load. */
export type PartAt = (candidate: Candidate, replicas: number, share: number) => Candidate;

/**
 * The group on two accelerators at once, each part with a share of the load in proportion to what it carries within the
 * targets. A split serves where the cards of one accelerator do not suffice, or fills nodes that a whole number of
 * replicas of one kind leaves half empty.
 *
 * @param candidates the group whole, cheapest first
 */
export function splitCandidates(
  candidates: readonly Candidate[],
  requestsPerMinute: number,
  partAt: PartAt,
): readonly Candidate[] {
  const shapes = candidates.slice(0, splitShapes);
  return shapes.flatMap((first, position) =>
    shapes
      .slice(position + 1)
      .filter((second) => second.accelerator !== first.accelerator)
      .flatMap((second) =>
        countsBelow(first.replicas).map((count) => {
          const carried = count * first.maxRequestsPerMinutePerReplica;
          const perReplica = second.maxRequestsPerMinutePerReplica;
          const secondCount = Math.max(1, Math.ceil((requestsPerMinute - carried) / perReplica));
          const share = carried / (carried + secondCount * perReplica);
          return joined(first, partAt(first, count, share), partAt(second, secondCount, 1 - share), share);
        }),
      ),
  );
}

/** Whole numbers from 1 to below the count: all of them, or evenly spread ones. */
function countsBelow(replicas: number): readonly number[] {
  const most = replicas - 1;
  if (most <= splitCounts) return Array.from({ length: Math.max(most, 0) }, (_, index) => index + 1);
  const step = (most - 1) / (splitCounts - 1);
  return Array.from({ length: splitCounts }, (_, index) => Math.round(1 + index * step));
}

/** Both parts as one candidate; `whole` says what bound the replicas. */
function joined(whole: Candidate, first: Candidate, second: Candidate, share: number): Candidate {
  const parts = [first, second].map((part) => ({ ...part, binding: whole.binding }));
  return {
    ...whole,
    replicas: first.replicas + second.replicas,
    maxRequestsPerMinutePerReplica:
      (first.replicas * first.maxRequestsPerMinutePerReplica +
        second.replicas * second.maxRequestsPerMinutePerReplica) /
      (first.replicas + second.replicas),
    utilisation: share * first.utilisation + (1 - share) * second.utilisation,
    predictions: first.predictions.map((prediction, index) =>
      mixed(prediction, certain(second.predictions[index]), share),
    ),
    gpuUsdPerHour: first.gpuUsdPerHour + second.gpuUsdPerHour,
    parts,
  };
}

/** What requests meet that go to the first part with the share as probability. */
function mixed(first: WorkloadPrediction, second: WorkloadPrediction, share: number): WorkloadPrediction {
  // A percentile of a mixture lies between those of its parts: the larger one errs upwards.
  const times = (a: LatencyPrediction, b: LatencyPrediction): LatencyPrediction => ({
    meanMs: share * a.meanMs + (1 - share) * b.meanMs,
    p95Ms: Math.max(a.p95Ms, b.p95Ms),
    p99Ms: Math.max(a.p99Ms, b.p99Ms),
  });
  return {
    workload: first.workload,
    ttft: times(first.ttft, second.ttft),
    itl: times(first.itl, second.itl),
    latency: times(first.latency, second.latency),
  };
}
