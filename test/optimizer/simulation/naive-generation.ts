import type { GenerationArrival } from "../../../optimizer/simulation/arrivals.ts";
import type { ContinuousBatchSettings } from "../../../optimizer/simulation/continuous-batching.ts";

/** What became of a request: refused, or the times of its first and last token. */
export type NaiveOutcome = "refused" | readonly [firstTokenMillis: number, lastTokenMillis: number];

/** Continuous batching as its definition reads, every iteration and every request looked at. */
export function naiveGeneration(
  settings: Required<ContinuousBatchSettings>,
  arrivals: readonly GenerationArrival[],
): { readonly outcomes: readonly NaiveOutcome[]; readonly iterations: number } {
  const { alphaMs, betaMs, gammaMs, deltaMs } = settings.parameters;
  const all = arrivals.map((arrival) => ({
    ...arrival,
    place: "outside" as "outside" | "queue" | "engine" | "gone" | "refused",
    read: 0,
    times: [] as number[],
  }));
  const inPlace = (place: string) => all.filter((request) => request.place === place);
  let now = 0;
  let iterations = 0;
  while (all.some(({ place }) => place !== "gone" && place !== "refused")) {
    for (const request of inPlace("outside").filter(({ arrivalMillis }) => arrivalMillis <= now)) {
      request.place = inPlace("queue").length < settings.maxWaiting ? "queue" : "refused";
    }
    const decoding = inPlace("engine").filter(({ read, promptTokens }) => read === promptTokens);
    let budget = Math.max(0, settings.maxBatchedTokens - decoding.length);
    let prompt = 0;
    const finishing = [...decoding];
    for (const request of [...inPlace("engine"), ...inPlace("queue")]) {
      if (decoding.includes(request) || budget === 0) continue;
      if (request.place === "queue" && inPlace("engine").length >= settings.maxBatchSize) continue;
      request.place = "engine";
      const chunk = Math.min(budget, request.promptTokens - request.read);
      request.read += chunk;
      budget -= chunk;
      prompt += chunk;
      if (request.read === request.promptTokens) finishing.push(request);
    }
    if (inPlace("engine").length === 0) {
      now = Math.min(...inPlace("outside").map(({ arrivalMillis }) => arrivalMillis));
      continue;
    }
    const n = decoding.length;
    now += (n > 0 ? alphaMs + betaMs * n : 0) + (prompt > 0 ? gammaMs + deltaMs * prompt : 0);
    iterations++;
    for (const request of finishing) {
      request.times.push(now);
      if (request.times.length === request.outputTokens) request.place = "gone";
    }
  }
  const outcomes = all.map(({ place, times }): NaiveOutcome =>
    place === "refused" ? "refused" : [times[0] ?? Number.NaN, times.at(-1) ?? Number.NaN],
  );
  return { outcomes, iterations };
}
