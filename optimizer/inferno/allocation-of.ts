import type { ServerAllocation } from "./allocation-result.ts";
import type { Candidate, CandidatePart } from "./candidate.ts";
import type { SizedServer } from "./candidates.ts";
import type { RateModels } from "./rate-model.ts";

/** Predicted means. */
type Times = Pick<ServerAllocation, "itlMs" | "ttftMs" | "rho">;

const noTimes: Times = { itlMs: 0, ttftMs: 0, rho: 0 };

/** A server that gets nothing: either it has no candidate, or no capacity is left for any. */
export function unservedAllocation({ server, reason }: SizedServer): ServerAllocation {
  return {
    server: server.name,
    accelerator: "",
    replicas: 0,
    maxBatchSize: 0,
    cost: 0,
    value: 0,
    ...noTimes,
    served: "none",
    reason: reason ?? { kind: "capacity" },
  };
}

/** A server that gets all that the candidate has. */
export function served(sized: SizedServer, candidate: Candidate, models: RateModels): ServerAllocation {
  const { parts, replicas, cost, value } = candidate;
  return {
    server: sized.server.name,
    accelerator: parts.map(({ accelerator }) => accelerator.name).join("+"),
    replicas,
    maxBatchSize: parts[0]?.maxBatchSize ?? 0,
    cost,
    value,
    ...timesOf(sized, parts, models),
    served: "full",
    ...(parts.length > 1
      ? {
          split: parts.map((part) => ({
            accelerator: part.accelerator.name,
            replicas: part.replicas,
            maxBatchSize: part.maxBatchSize,
          })),
        }
      : {}),
  };
}

/**
 * A server that gets fewer replicas than it needs, all on one accelerator. Cost and value are scaled with them, as the
 * peer does. Times are those of the requests that these replicas can take within the targets: the rest of the load
 * must be turned away before it reaches them.
 */
export function granted(
  sized: SizedServer,
  candidate: Candidate,
  replicas: number,
  models: RateModels,
): ServerAllocation {
  const parts = candidate.parts.map((part) => ({ ...part, replicas }));
  const share = replicas / candidate.replicas;
  return {
    ...served(
      sized,
      { parts, replicas, cost: candidate.cost * share, value: candidate.value * share },
      models,
    ),
    served: "partial",
    reason: { kind: "capacity" },
  };
}

/** Of a split, the mean over all requests. */
function timesOf(sized: SizedServer, parts: readonly CandidatePart[], models: RateModels): Times {
  const throughputPerMs = parts.reduce((sum, part) => sum + throughputOf(part), 0);
  let itlMs = 0;
  let ttftMs = 0;
  let rho = 0;
  for (const part of parts) {
    const share = parts.length === 1 ? 1 : throughputOf(part) / throughputPerMs;
    const times = timesOfPart(sized, part, (sized.loadPerMs * share) / part.replicas, models);
    itlMs += share * times.itlMs;
    ttftMs += share * times.ttftMs;
    rho += share * times.rho;
  }
  return { itlMs, ttftMs, rho };
}

function throughputOf({ offer, replicas }: CandidatePart): number {
  return (offer?.throughputPerMs ?? 0) * replicas;
}

/** A rate below the smallest normal double has lost digits, and 0 can not be solved; times no longer change here. */
const leastPerMs = 2 ** -1022;

function timesOfPart(
  { server }: SizedServer,
  { performance, maxBatchSize, offer }: CandidatePart,
  loadPerMs: number,
  models: RateModels,
): Times {
  if (offer === undefined) {
    // Without load there is no mean length either: the peer counts one token of prompt.
    const { alphaMs, betaMs, gammaMs, deltaMs } = performance;
    return { itlMs: alphaMs + betaMs, ttftMs: gammaMs + deltaMs, rho: 0 };
  }
  if (offer.throughputPerMs === Infinity) return noTimes;
  const model = models(performance, server, maxBatchSize);
  // What is served is never more than what arrives: a load above the largest is cut down to the rate that gives it.
  const arrivalsPerMs = loadPerMs < offer.throughputPerMs ? loadPerMs : offer.arrivalsPerMs;
  model.solve(Math.max(arrivalsPerMs, leastPerMs));
  return { itlMs: model.itlMs, ttftMs: model.ttftMs, rho: model.rho };
}
