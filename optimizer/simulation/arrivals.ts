import { exponential, geometric, type Random } from "./random.ts";

/** A number of tokens a request: the same for all, or spread as output lengths of chats are. */
export type TokenLength =
  | { readonly kind: "fixed"; readonly tokens: number }
  /** Geometric on 1, 2, 3 …, with a mean of at least 1. */
  | { readonly kind: "geometric"; readonly meanTokens: number };

/** One request of a trace to a generation engine. */
export interface GenerationArrival {
  /** From the start of the trace, not before the request in front of it. */
  readonly arrivalMillis: number;
  /** At least 1. */
  readonly promptTokens: number;
  /** At least 1. */
  readonly outputTokens: number;
}

/** Requests that arrive at random. */
export interface PoissonLoad {
  readonly kind: "poisson";
  /** Above 0. */
  readonly ratePerSecond: number;
  /**
   * Equal numbers give an equal answer. Each request takes one number for the gap before it and then those of its
   * lengths, so that one seed gives the same requests at every rate, only closer together.
   */
  readonly random: Random;
  /**
   * Requests that the answer is about.
   * @default 20000: knows the mean time to first token of a half loaded engine within a percent or two
   */
  readonly requests?: number;
  /**
   * Requests before them, which find the engine emptier than later ones do.
   * @default a tenth of `requests`
   */
  readonly warmUpRequests?: number;
}

/** Requests that arrive as somebody has recorded them. */
export interface TraceLoad<Arrival> {
  readonly kind: "trace";
  readonly arrivals: readonly Arrival[];
  /**
   * Requests at its start that the answer leaves out.
   * @default 0
   */
  readonly warmUpRequests?: number;
}

/** Which requests of a run count. */
export interface MeasuredRequests {
  /** Position in the run of the first that counts. */
  readonly first: number;
  readonly count: number;
}

/** Which of its requests a load asks about; throws a RangeError where there are none. */
export function measuredRequests(load: PoissonLoad | TraceLoad<unknown>): MeasuredRequests {
  const asked = load.kind === "poisson" ? (load.requests ?? 20_000) : 0;
  const first = load.warmUpRequests ?? Math.ceil(asked / 10);
  const count = load.kind === "poisson" ? asked : load.arrivals.length - first;
  if (!(Number.isSafeInteger(first) && first >= 0 && Number.isSafeInteger(count) && count >= 1)) {
    throw new RangeError(`${count} requests after ${first} of a warm-up: there must be at least one`);
  }
  return { first, count };
}

/** Requests a second that arrive; 0 where only one does, infinite where all come at once. */
export function offeredPerSecond(load: PoissonLoad | TraceLoad<{ readonly arrivalMillis: number }>): number {
  if (load.kind === "poisson") return load.ratePerSecond;
  const gaps = load.arrivals.length - 1;
  const spanMillis = (load.arrivals.at(-1)?.arrivalMillis ?? 0) - (load.arrivals[0]?.arrivalMillis ?? 0);
  return gaps <= 0 ? 0 : (gaps * 1000) / spanMillis;
}

/** Arrival times of a Poisson process without end; throws a RangeError where the rate is not above 0. */
export function* poissonTimes(random: Random, ratePerSecond: number): Generator<number, never> {
  if (!(ratePerSecond > 0 && ratePerSecond < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`ratePerSecond ${ratePerSecond} must be above 0 and finite`);
  }
  for (let timeMillis = 0; ;) {
    timeMillis += exponential(random, 1000 / ratePerSecond);
    yield timeMillis;
  }
}

/** A sample of a length; throws a RangeError where it is no whole number of at least 1. */
export function sampleTokens(length: TokenLength, random: Random): number {
  if (length.kind === "geometric") {
    if (!(length.meanTokens >= 1)) throw new RangeError(`meanTokens ${length.meanTokens} must be at least 1`);
    return geometric(random, length.meanTokens);
  }
  if (!isTokenCount(length.tokens)) {
    throw new RangeError(`tokens ${length.tokens} must be a whole number of at least 1`);
  }
  return length.tokens;
}

/** Throws a RangeError that names the request of a trace that no engine could have met. */
export function checkTrace(arrivals: readonly GenerationArrival[]): void {
  checkTimes(arrivals);
  for (const [index, { promptTokens, outputTokens }] of arrivals.entries()) {
    if (!isTokenCount(promptTokens) || !isTokenCount(outputTokens)) {
      throw new RangeError(
        `arrivals[${index}]: ${promptTokens} prompt and ${outputTokens} output tokens must be whole numbers of at least 1`,
      );
    }
  }
}

/** Throws a RangeError that names the request that arrives before the one in front of it, or at no time at all. */
export function checkTimes(arrivals: readonly { readonly arrivalMillis: number }[]): void {
  let previousMillis = 0;
  for (const [index, { arrivalMillis }] of arrivals.entries()) {
    if (!(arrivalMillis >= previousMillis && arrivalMillis < Number.POSITIVE_INFINITY)) {
      throw new RangeError(
        `arrivals[${index}]: time ${arrivalMillis} ms must be finite and not below the ${previousMillis} ms before it`,
      );
    }
    previousMillis = arrivalMillis;
  }
}

function isTokenCount(tokens: number): boolean {
  return Number.isSafeInteger(tokens) && tokens >= 1;
}
