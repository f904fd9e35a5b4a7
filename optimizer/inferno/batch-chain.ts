import { certain } from "../certain.ts";
import type { ModelPerformance } from "./inferno-system.ts";
import { highestLoadFraction, lowestLoadFraction } from "./rate-model.ts";
import type { RateModel, RateModels, RequestTokens } from "./rate-model.ts";

/** Waiting places per batch slot, as in the peer. */
const waitingPlacesPerSlot = 10;

/** Above this the weight of the full batch is below what any mean could show. */
const negligibleAbove = 1e40;

/**
 * Inferno's queueing model of one replica with N batch slots and room for 10·N to wait: a birth-death chain with
 * departure rate mu(n) = n / (base + perRequest·n) up to N and mu(N) above.
 *
 * All that the means need of the states below N is s(N) = Σ p(n) / p(N), n = 0…N. It follows from
 * s(n) = 1 + s(n-1)·mu(n)/lambda without any scaling, since every term is positive. The mean number in service comes
 * from summing the balance n·p(n) = lambda·(base + perRequest·n)·p(n-1) over n, and the waiting states are a geometric
 * series. One solution is N multiplications and allocates nothing: sizing takes ten to twenty of them.
 */
export class BatchChain implements RateModel {
  /** The queue's room is what limits waiting. */
  readonly unlimitedWaitingFraction = 1;
  readonly plannedShareOfRate = 1;
  /** As near as doubles let the equations be followed: replicas are to be those of the equations. */
  readonly precision = 1e-14;
  lowestPerMs = 0;
  highestPerMs = 0;
  throughputPerMs = 0;
  itlMs = 0;
  ttftMs = 0;
  rho = 0;

  #departuresPerMs = new Float64Array(64);
  #slots = 0;
  #baseMs = 0;
  #perRequestMs = 0;
  #alphaMs = 0;
  #betaMs = 0;
  #prefillBaseMs = 0;
  #prefillPerRequestMs = 0;
  /** What the effective batch size leaves out of the service time; differs from `baseMs` only without a prompt. */
  #concurrencyBaseMs = 0;

  /**
   * Sets the replica: `outputTokens` and `slots` are at least 1. Where its requests take no time, both rates are
   * infinite.
   */
  configure(
    performance: ModelPerformance,
    { inputTokens, outputTokens }: RequestTokens,
    slots: number,
  ): void {
    const { alphaMs, betaMs, gammaMs, deltaMs } = performance;
    const decodes = outputTokens - 1;
    this.#slots = slots;
    this.#alphaMs = alphaMs;
    this.#betaMs = betaMs;
    this.#prefillBaseMs = inputTokens > 0 ? gammaMs : 0;
    this.#prefillPerRequestMs = deltaMs * inputTokens;
    this.#baseMs = this.#prefillBaseMs + alphaMs * decodes;
    this.#perRequestMs = this.#prefillPerRequestMs + betaMs * decodes;
    // The peer counts gamma here even where there is no prompt to prefill; its sizes are only met by doing the same.
    this.#concurrencyBaseMs = gammaMs + alphaMs * decodes;
    if (this.#departuresPerMs.length <= slots) this.#departuresPerMs = new Float64Array(2 * slots);
    const departures = this.#departuresPerMs;
    for (let n = 1; n <= slots; n++) departures[n] = n / (this.#baseMs + this.#perRequestMs * n);
    this.lowestPerMs = lowestLoadFraction * certain(departures[1]);
    this.highestPerMs = highestLoadFraction * certain(departures[slots]);
  }

  solve(arrivalsPerMs: number): void {
    const slots = this.#slots;
    const departures = this.#departuresPerMs;
    const perArrival = 1 / arrivalsPerMs;
    let massOverFull = 1;
    for (let n = 1; n <= slots && massOverFull < negligibleAbove; n++) {
      massOverFull = 1 + massOverFull * ((departures[n] as number) * perArrival);
    }
    // From here on everything is relative to the mass of the states 0…N.
    const full = massOverFull < negligibleAbove ? 1 / massOverFull : 0;

    const baseLoad = arrivalsPerMs * this.#baseMs;
    const perRequestLoad = arrivalsPerMs * this.#perRequestMs;
    const below = (baseLoad + perRequestLoad) * (1 - full) - perRequestLoad * slots * full;
    const inServiceBelow = below / (1 - perRequestLoad);

    // The ratio stays a thousandth below 1 (highestPerMs), so that the closed forms lose few digits.
    const room = waitingPlacesPerSlot * slots;
    const ratio = arrivalsPerMs / (departures[slots] as number);
    const left = 1 - ratio;
    const last = ratio ** room;
    const waitingMass = (full * ratio * (1 - last)) / left;
    const waiting = (full * ratio * (1 - (room + 1) * last + room * last * ratio)) / (left * left);

    const mass = 1 + waitingMass;
    const throughputPerMs = arrivalsPerMs * (1 - (full * last) / mass);
    const inService = (inServiceBelow + slots * waitingMass) / mass;
    const batch = this.#batchMet(inService, inService / throughputPerMs);
    this.throughputPerMs = throughputPerMs;
    this.rho = Math.min(Math.max(inService / slots, 0), 1);
    this.itlMs = this.#alphaMs + this.#betaMs * batch;
    this.ttftMs = waiting / mass / throughputPerMs + this.#prefillBaseMs + this.#prefillPerRequestMs * batch;
  }

  /** The batch size at which a request takes the mean service time: the one that times are reported for. */
  #batchMet(inService: number, serviceMs: number): number {
    if (this.#perRequestMs === 0) return inService;
    // A batch of one is always of size one: rounding must not decide whether its times hold a target.
    const exactServiceMs = this.#slots === 1 ? this.#baseMs + this.#perRequestMs : serviceMs;
    const batch =
      this.#slots === 1 && this.#concurrencyBaseMs === this.#baseMs
        ? 1
        : (exactServiceMs - this.#concurrencyBaseMs) / this.#perRequestMs;
    return Math.min(Math.max(batch, 0), this.#slots);
  }
}

/** Inferno's model, with one chain for all replicas. */
export function infernoModels(): RateModels {
  const chain = new BatchChain();
  return (performance, tokens, maxBatchSize) => {
    chain.configure(performance, tokens, maxBatchSize);
    return chain;
  };
}
