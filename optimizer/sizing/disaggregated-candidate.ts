import type { Candidate, PoolRole, WorkloadPrediction } from "../allocation.ts";
import type { ReplicaModel } from "../models/replica-model.ts";
import type { PoolOption, PoolPair } from "./disaggregated-candidates.ts";
import { added } from "./disaggregated.ts";
import { largestRate } from "./largest-rate.ts";
import type { DisaggregatedDemand, PoolSide, PoolTimes } from "./pool-side.ts";
import { reachedMs, sloTargetsOf } from "./slo-targets.ts";

const msPerSecond = 1000;
const msPerMinute = 60_000;

/**
 * Two pools as one candidate. What hardly anybody reads of the candidates that are not chosen is found when it is read:
 * predictions at the true rate, and the largest rate.
 */
export function disaggregatedCandidate(
  demand: DisaggregatedDemand,
  workload: string,
  { prefill, decode, counts }: PoolPair,
): Candidate {
  const times = once(() => added(prefill.prefill.times(counts.prefill), decode.decode.times(counts.decode)));
  const predictions = (): readonly WorkloadPrediction[] => [{ workload, ...times() }];
  const part = (role: PoolRole, option: PoolOption, replicas: number): Candidate => {
    const own = option[role];
    const { shape } = option;
    const { accelerator, gpusPerReplica, nodesPerReplica, instanceType, maxBatchSize, weightsGiB } = shape;
    const [other, otherCount] =
      role === "prefill" ? [decode.decode, counts.decode] : [prefill.prefill, counts.prefill];
    const largest = once(() => largestPerMinute(demand, own, other.times(otherCount)));
    return {
      accelerator,
      gpusPerReplica,
      ...(nodesPerReplica > 1 ? { nodesPerReplica } : {}),
      ...(instanceType === undefined ? {} : { instanceType }),
      replicas,
      maxBatchSize,
      weightsGiB,
      get utilisation() {
        return own.load.prediction(replicas).utilisation;
      },
      get maxRequestsPerMinutePerReplica() {
        return largest();
      },
      get predictions() {
        return predictions();
      },
      ...bindingOf(demand, workload, own, other.plannedTimes(otherCount), replicas),
      gpuUsdPerHour: replicas * gpusPerReplica * shape.usdPerGpuHour,
      origins: shape.origins,
      role,
    };
  };
  const reading = part("prefill", prefill, counts.prefill);
  const generating = part("decode", decode, counts.decode);
  const parts = [reading, generating];
  const cards = parts.map(({ gpusPerReplica, replicas }) => gpusPerReplica * replicas);
  const [readingCards = 0, generatingCards = 0] = cards;
  const replicas = counts.prefill + counts.decode;
  const binding = parts.find((one) => one.binding === "slo") ?? parts.find(isSaturated) ?? reading;
  const { accelerator, gpusPerReplica, nodesPerReplica, instanceType, maxBatchSize, weightsGiB } = reading;
  return {
    accelerator,
    gpusPerReplica,
    ...(nodesPerReplica === undefined ? {} : { nodesPerReplica }),
    ...(instanceType === undefined ? {} : { instanceType }),
    replicas,
    maxBatchSize,
    weightsGiB,
    get utilisation() {
      const used = readingCards * reading.utilisation + generatingCards * generating.utilisation;
      return used > 0 ? used / (readingCards + generatingCards) : 0;
    },
    get maxRequestsPerMinutePerReplica() {
      const carried = parts
        .filter((one) => one.maxRequestsPerMinutePerReplica > 0)
        .map((one) => one.replicas * one.maxRequestsPerMinutePerReplica);
      return carried.length > 0 && replicas > 0 ? Math.min(...carried) / replicas : 0;
    },
    get predictions() {
      return predictions();
    },
    binding: binding.binding,
    ...(binding.bindingSlo ? { bindingSlo: binding.bindingSlo } : {}),
    gpuUsdPerHour: reading.gpuUsdPerHour + generating.gpuUsdPerHour,
    origins: [...reading.origins, ...generating.origins],
    parts,
  };
}

function isSaturated({ binding }: Candidate): boolean {
  return binding === "saturation";
}

/** What one replica less of the pool would break. */
function bindingOf(
  demand: DisaggregatedDemand,
  workload: string,
  own: PoolSide,
  other: PoolTimes,
  replicas: number,
): Pick<Candidate, "binding" | "bindingSlo"> {
  if (demand.requestsPerSecond === 0) return { binding: "idle" };
  if (replicas <= own.leastReplicas) return { binding: "minimum" };
  if (!own.carries(replicas - 1)) return { binding: "saturation" };
  const predictions = [{ workload, ...added(own.plannedTimes(replicas - 1), other) }];
  const targets = sloTargetsOf([{ id: workload, slo: demand.slo }]).filter(
    ({ name }) => name.startsWith("latency") || own.targets.some((target) => target.name === name),
  );
  const [tightest] = own
    .planned(targets, added(own.times(Number.POSITIVE_INFINITY), other))
    .toSorted((a, b) => a.allowedMs / reachedMs(a, predictions) - b.allowedMs / reachedMs(b, predictions));
  return tightest
    ? { binding: "slo", bindingSlo: { workload, target: tightest.name } }
    : { binding: "saturation" };
}

/** Requests a minute that one replica of a pool carries within the targets, with the other pool as it is; 0 where nothing is to do. */
function largestPerMinute(demand: DisaggregatedDemand, own: PoolSide, other: PoolTimes): number {
  if (own.share === 0) return 0;
  const at = (requestsPerMs: number) => ({
    utilisation: (requestsPerMs * msPerSecond * own.share) / own.load.saturationPerSecond,
    predictions: [{ workload: "", ...added(own.timesAt(requestsPerMs * msPerSecond), other) }],
  });
  const model: ReplicaModel = {
    saturationPerMs: own.load.saturationPerSecond / own.share / msPerSecond,
    at,
    alone: () => at(0),
  };
  const latency = sloTargetsOf([{ id: "", slo: demand.slo }]).filter(({ name }) =>
    name.startsWith("latency"),
  );
  const largest = largestRate(model, [...own.targets, ...latency]);
  return largest.feasible ? largest.requestsPerMs * msPerMinute : 0;
}

function once<Value>(compute: () => Value): () => Value {
  let known: { readonly value: Value } | undefined;
  return () => (known ??= { value: compute() }).value;
}
