import type { GenerationReplica, GenerationTraffic } from "../generation-prediction.ts";

/** What the engine needs to know of the requests and of itself, taken from a checked {@link GenerationReplica}. */
export interface RequestMix {
  readonly alphaMs: number;
  readonly betaMs: number;
  readonly gammaMs: number;
  readonly deltaMs: number;
  readonly slots: number;
  readonly budgetTokens: number;
  readonly kinds: readonly RequestKind[];
  /** Mean prompt tokens a request. */
  readonly meanPrompt: number;
  /** Mean square of the prompt tokens over the square of their mean, 1 where all prompts are equal. */
  readonly promptSquare: number;
  /** Mean cube of the prompt tokens over the cube of their mean. */
  readonly promptCube: number;
  /** Mean decode iterations a request: K-1. */
  readonly meanDecodes: number;
  /** All requests generate the same number of tokens. */
  readonly equalOutputs: boolean;
}

/** One entry of the replica's traffic. */
export interface RequestKind {
  readonly share: number;
  readonly prompt: number;
  /** Mean decode iterations: K-1. */
  readonly decodes: number;
  readonly geometric: boolean;
}

/** Throws a RangeError that names the value that no engine could have. */
export function requestMix(replica: GenerationReplica): RequestMix {
  const { alphaMs, betaMs, gammaMs, deltaMs } = replica.parameters;
  checkAtLeast("alphaMs", alphaMs, 0);
  checkAtLeast("betaMs", betaMs, 0);
  checkAtLeast("gammaMs", gammaMs, 0);
  checkAtLeast("deltaMs", deltaMs, 0);
  checkAtLeast("maxBatchSize", replica.maxBatchSize, 1);
  checkAtLeast("maxBatchedTokens", replica.maxBatchedTokens, 1);
  const kinds = replica.traffic.map((traffic, index) => requestKind(traffic, index));
  const shares = kinds.reduce((sum, { share }) => sum + share, 0);
  if (!(Math.abs(shares - 1) < 1e-6))
    throw new RangeError(`the shares of the traffic sum to ${shares}, not to 1`);
  const meanOf = (value: (kind: RequestKind) => number): number =>
    kinds.reduce((sum, kind) => sum + (kind.share / shares) * value(kind), 0);
  const meanPrompt = meanOf(({ prompt }) => prompt);
  return {
    alphaMs,
    betaMs,
    gammaMs,
    deltaMs,
    // Sequences are whole: half a slot never takes one.
    slots: Math.floor(replica.maxBatchSize),
    budgetTokens: replica.maxBatchedTokens,
    kinds: kinds.map((kind) => ({ ...kind, share: kind.share / shares })),
    meanPrompt,
    promptSquare: meanOf(({ prompt }) => (prompt / meanPrompt) ** 2),
    promptCube: meanOf(({ prompt }) => (prompt / meanPrompt) ** 3),
    meanDecodes: meanOf(({ decodes }) => decodes),
    equalOutputs: kinds.every(({ geometric, decodes }) => !geometric && decodes === kinds[0]?.decodes),
  };
}

function requestKind(traffic: GenerationTraffic, index: number): RequestKind {
  const { share, inputTokens, outputTokens, outputDistribution } = traffic;
  if (!(share > 0 && share < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`traffic[${index}]: share ${share} must be above 0 and finite`);
  }
  checkAtLeast(`traffic[${index}]: inputTokens`, inputTokens, 1);
  checkAtLeast(`traffic[${index}]: outputTokens`, outputTokens, 1);
  return {
    share,
    prompt: inputTokens,
    decodes: outputTokens - 1,
    geometric: outputDistribution === "geometric",
  };
}

function checkAtLeast(name: string, value: number, least: number): void {
  if (!(value >= least && value < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${name} ${value} must be at least ${least} and finite`);
  }
}
