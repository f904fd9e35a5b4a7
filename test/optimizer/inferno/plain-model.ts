import { certain } from "../../../optimizer/certain.ts";
import type { ModelPerformance, ModelTarget } from "../../../optimizer/inferno/inferno-system.ts";
import type { RequestTokens } from "../../../optimizer/inferno/rate-model.ts";

/** Inferno's equations, state by state and as they are written down: slow and plain. */
export interface PlainAnswer {
  readonly throughputPerMs: number;
  readonly itlMs: number;
  readonly ttftMs: number;
  readonly rho: number;
}

export class PlainModel {
  readonly #parameters: Pick<ModelPerformance, "alphaMs" | "betaMs" | "gammaMs" | "deltaMs">;
  readonly #tokens: RequestTokens;
  readonly #slots: number;

  constructor(
    parameters: Pick<ModelPerformance, "alphaMs" | "betaMs" | "gammaMs" | "deltaMs">,
    tokens: RequestTokens,
    slots: number,
  ) {
    this.#parameters = parameters;
    this.#tokens = tokens;
    this.#slots = slots;
  }

  #prefillMs(n: number): number {
    const { gammaMs, deltaMs } = this.#parameters;
    return this.#tokens.inputTokens === 0 ? 0 : gammaMs + deltaMs * this.#tokens.inputTokens * n;
  }

  departuresPerMs(n: number): number {
    const { alphaMs, betaMs } = this.#parameters;
    const batch = Math.min(n, this.#slots);
    return batch / (this.#prefillMs(batch) + (this.#tokens.outputTokens - 1) * (alphaMs + betaMs * batch));
  }

  get lowestPerMs(): number {
    return 0.001 * this.departuresPerMs(1);
  }

  get highestPerMs(): number {
    return 0.999 * this.departuresPerMs(this.#slots);
  }

  /** Weights in logarithms, because their products leave the range of doubles. */
  at(arrivalsPerMs: number): PlainAnswer {
    const states = 11 * this.#slots;
    const logs = new Float64Array(states + 1);
    let largest = 0;
    for (let n = 1; n <= states; n++) {
      const log = certain(logs[n - 1]) + Math.log(arrivalsPerMs / this.departuresPerMs(n));
      logs[n] = log;
      largest = Math.max(largest, log);
    }
    const weights = logs.map((log) => Math.exp(log - largest));
    const mass = weights.reduce((a, b) => a + b);
    const mean = (f: (n: number) => number) => {
      let sum = 0;
      for (let n = 0; n <= states; n++) sum += certain(weights[n]) * f(n);
      return sum / mass;
    };

    const { alphaMs, betaMs, gammaMs, deltaMs } = this.#parameters;
    const { inputTokens, outputTokens } = this.#tokens;
    const throughputPerMs = arrivalsPerMs * (1 - certain(weights[states]) / mass);
    const inService = mean((n) => Math.min(n, this.#slots));
    const waitMs = mean((n) => Math.max(n - this.#slots, 0)) / throughputPerMs;
    const serviceMs = inService / throughputPerMs;
    const decodes = outputTokens - 1;
    const met = (serviceMs - (gammaMs + alphaMs * decodes)) / (deltaMs * inputTokens + betaMs * decodes);
    const batch = Math.min(Math.max(met, 0), this.#slots);
    return {
      throughputPerMs,
      itlMs: alphaMs + betaMs * batch,
      ttftMs: waitMs + this.#prefillMs(batch),
      rho: Math.min(Math.max(inService / this.#slots, 0), 1),
    };
  }

  /** Highest arrival rate at which the targets hold, by bisection; none where they do not hold at the lowest. */
  largestPerMs(targets: Pick<ModelTarget, "itlMs" | "ttftMs" | "tokensPerSecond">): number | undefined {
    const rates = [
      targets.tokensPerSecond > 0 ? 0.9 * this.highestPerMs : this.highestPerMs,
      targets.itlMs > 0 ? this.#bisect((answer) => answer.itlMs, targets.itlMs) : Infinity,
      targets.ttftMs > 0 ? this.#bisect((answer) => answer.ttftMs, targets.ttftMs) : Infinity,
    ];
    return rates.some((rate) => rate === undefined) ? undefined : Math.min(...(rates as number[]));
  }

  #bisect(time: (answer: PlainAnswer) => number, targetMs: number): number | undefined {
    let low = this.lowestPerMs;
    let high = this.highestPerMs;
    if (time(this.at(low)) > targetMs) return undefined;
    if (time(this.at(high)) <= targetMs) return high;
    for (let round = 0; round < 200 && low < high; round++) {
      const middle = (low + high) / 2;
      if (middle === low || middle === high) break;
      if (time(this.at(middle)) <= targetMs) low = middle;
      else high = middle;
    }
    return low;
  }
}
