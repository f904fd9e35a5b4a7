import { certain } from "../certain.ts";

/**
 * A queue whose server works on a whole batch at once: with n requests in the batch one request takes
 * `baseMs + perRequestMs·n`, so that n requests leave at rate mu(n) = n / (baseMs + perRequestMs·n) per ms.
 * At most `maxBatchSize` are served together; {@link queueRoom} more wait, the next is turned away.
 */
export interface BatchService {
  readonly baseMs: number;
  readonly perRequestMs: number;
  readonly maxBatchSize: number;
  /**
   * What is taken off the mean service time to find the batch size that a request meets. Inferno takes the fixed time of a
   * prefill off even where there is no prompt.
   * @default baseMs
   */
  readonly concurrencyBaseMs?: number;
}

/** The equilibrium of a {@link BatchService} at one arrival rate. */
export interface BatchQueueState {
  /** Requests a ms that are served, after those turned away. */
  readonly throughputPerMs: number;
  /** Mean number of requests in the batch. */
  readonly meanInService: number;
  readonly meanWaitMs: number;
  /** Share of requests that find the batch full. */
  readonly waitProbability: number;
  /** Mean batch size that a request meets: the n at which its service time has the mean it has. */
  readonly concurrency: number;
  /** `meanInService` as a share of the batch slots, 0…1. */
  readonly utilisation: number;
  /** Relative weights of 0…maxBatchSize requests in the batch; they do not sum to 1. */
  readonly batchWeights: Float64Array;
}

/** Waiting places per batch slot: Inferno's default, kept so that its data files size the same here. */
const waitingPlacesPerSlot = 10;

/** Requests that may wait besides those in the batch. */
export function queueRoom(service: BatchService): number {
  return waitingPlacesPerSlot * service.maxBatchSize;
}

/** Departures a ms with `inService` requests in the batch. */
export function departureRatePerMs(service: BatchService, inService: number): number {
  return inService / (service.baseMs + service.perRequestMs * inService);
}

/**
 * Solves the birth-death chain with p(n) ∝ ∏ lambda/mu(k), n = 0…11N, for its means.
 *
 * lambda/mu(k) = lambda·(base/k + perRequest) falls with k, so p(n) rises to one mode and falls after it. The
 * products are built outwards from the mode, where the weight is 1: nothing overflows, and what underflows is
 * negligible. From N on the ratio is constant, so the waiting states are a geometric series in closed form.
 */
export function solveBatchQueue(service: BatchService, arrivalsPerMs: number): BatchQueueState {
  const slots = service.maxBatchSize;
  const weights = new Float64Array(slots + 1);
  const perRequestLoad = arrivalsPerMs * service.perRequestMs;
  const baseLoad = arrivalsPerMs * service.baseMs;
  const mode = perRequestLoad >= 1 ? slots : Math.min(slots, Math.floor(baseLoad / (1 - perRequestLoad)));

  weights[mode] = 1;
  let weight = 1;
  for (let n = mode + 1; n <= slots; n++) {
    weight *= baseLoad / n + perRequestLoad;
    weights[n] = weight;
  }
  weight = 1;
  for (let n = mode; n > 0; n--) {
    weight /= baseLoad / n + perRequestLoad;
    weights[n - 1] = weight;
  }

  const full = weights[slots] ?? 0;
  const waiting = waitingSeries(arrivalsPerMs / departureRatePerMs(service, slots), queueRoom(service));
  if (waiting.headScale !== 1)
    for (let n = 0; n < slots; n++) weights[n] = certain(weights[n]) * waiting.headScale;
  const tailMass = full * waiting.mass;
  weights[slots] = full * waiting.headScale + tailMass;

  let mass = 0;
  let inService = 0;
  for (let n = 0; n <= slots; n++) {
    mass += certain(weights[n]);
    inService += n * certain(weights[n]);
  }
  const throughputPerMs = arrivalsPerMs * (1 - (full * waiting.last) / mass);
  const meanInService = inService / mass;
  const meanServiceMs = meanInService / throughputPerMs;
  const concurrency =
    service.perRequestMs > 0
      ? (meanServiceMs - (service.concurrencyBaseMs ?? service.baseMs)) / service.perRequestMs
      : meanInService;
  return {
    throughputPerMs,
    meanInService,
    meanWaitMs: (full * waiting.firstMoment) / mass / throughputPerMs,
    waitProbability: weights[slots] / mass,
    concurrency: Math.min(Math.max(concurrency, 0), slots),
    utilisation: Math.min(Math.max(meanInService / slots, 0), 1),
    batchWeights: weights,
  };
}

/** Sums over the waiting states j = 1…room of ratio^j, all multiplied by `headScale` to stay finite. */
interface WaitingSeries {
  readonly headScale: number;
  /** Σ ratio^j */
  readonly mass: number;
  /** Σ j·ratio^j */
  readonly firstMoment: number;
  /** ratio^room */
  readonly last: number;
}

/** Nearer to 1 than this the closed form would subtract almost equal numbers; the sum is then done term by term. */
const nearlyOne = 1e-3;

function waitingSeries(ratio: number, room: number): WaitingSeries {
  if (Math.abs(1 - ratio) < nearlyOne) {
    // Over at most 5,120 places a ratio this near to 1 stays between 0.005 and 170: no scaling is needed.
    let term = 1;
    let mass = 0;
    let firstMoment = 0;
    for (let j = 1; j <= room; j++) {
      term *= ratio;
      mass += term;
      firstMoment += j * term;
    }
    return { headScale: 1, mass, firstMoment, last: term };
  }
  if (ratio < 1) {
    const last = ratio ** room;
    const left = 1 - ratio;
    return {
      headScale: 1,
      mass: (ratio * (1 - last)) / left,
      firstMoment: (ratio * (1 - (room + 1) * last + room * last * ratio)) / (left * left),
      last,
    };
  }
  // Overloaded: everything is divided by ratio^room, and the series is summed from its last, largest term.
  const inverse = 1 / ratio;
  const headScale = inverse ** room;
  const left = 1 - inverse;
  const mass = (1 - headScale) / left;
  const fromTheEnd = (inverse * (1 - room * headScale * ratio + (room - 1) * headScale)) / (left * left);
  return { headScale, mass, firstMoment: room * mass - fromTheEnd, last: 1 };
}
