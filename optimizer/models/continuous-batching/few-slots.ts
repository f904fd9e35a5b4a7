/**
 * An engine of few slots, iteration by iteration.
 *
 * With few slots the averages over a slowly changing number of sequences fail: a decode is interrupted only by a prompt
 * that found another slot free, and requests that came together leave together. So the engine's states at the beginnings
 * of iterations are followed one by one: what each decoding sequence has left, the prompts that are not read yet, and the
 * part of the first of them that is. Arrivals during an iteration are Poisson. From an empty engine on, the expected
 * visits to each state until it is empty again are summed; every decode iteration that is visited is one gap for each
 * sequence that decodes in it.
 *
 * From `levels` prompts on their number matters no more: it is taken to be geometric there.
 */
import { certain } from "../../certain.ts";
import type { RequestMix } from "./request-mix.ts";

/** Transitions that a prediction can pay for in every round. */
const mostTransitions = 12_000;
/** Prompts that are told apart, beyond those that could be read at once. */
const levelsBeyondSlots = 3;
/** Above, a prompt is read over so many iterations that averages over them do as well. */
const mostIterations = 4;
/** With more decodes and slots the number of sequences changes slowly, as averages over it suppose. */
const mostDecodes = 50;
const leastSlowSlots = 5;
/** Slots of an engine that stands for one of more. */
const mostFollowed = 10;
const leastFollowed = 4;
/** A longer queue hardly ever ends, so that what its slots were at its beginning would stay for ever. */
const mostWaiting = 12;
/** Points of a prompt in progress that are told apart: those that it passes in its first iterations. */
const promptPoints = 5;
/** Steps along transitions, and a few for each state, in rounds over all states; what is left after them is taken to go on as in the last. */
const mostSteps = 500_000;
/** Change of the gap by a round below which no more follow. */
const settled = 1e-7;
/** Rarer transitions are left out. */
const negligible = 1e-10;

/** What each decoding sequence has left: nothing is known of geometric ones but their number. */
interface Decoders {
  /** Decode iterations left of each sequence, descending; of geometric ones always 1. */
  readonly left: readonly number[];
  /** Where each goes when its iteration ends and this many prompts have been read. */
  readonly next: readonly (readonly Successor[])[];
}

interface Successor {
  readonly decoders: number;
  readonly probability: number;
}

/** The states of a replica of few slots, the same at all rates. */
export interface FewSlots {
  readonly mix: RequestMix;
  readonly decoders: readonly Decoders[];
  /** Unread prompts from which on their number is not told apart. */
  readonly levels: number;
  /** Parts of the first unread prompt that may have been read, ascending from 0. */
  readonly parts: readonly number[];
}

/** Nothing where there are too many states, or where averages do as well. */
export function fewSlots(mix: RequestMix): FewSlots | undefined {
  const { slots, kinds, meanDecodes } = mix;
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1 || slots < 2 || meanDecodes === 0) return undefined;
  if (mix.meanPrompt > mostIterations * mix.budgetTokens) return undefined;
  if (slots >= leastSlowSlots && meanDecodes > mostDecodes) return undefined;
  const levels = slots + levelsBeyondSlots;
  const parts = promptParts(mix);
  // An iteration ends in about half as many ways as there are levels, and for geometric outputs numbers of sequences.
  const each = 0.5 * levels * (parts.length > 1 ? 1.8 : 1) * (kind.geometric ? 0.6 * slots + 1 : 1);
  const most = Math.floor(mostTransitions / ((levels + 1) * parts.length * each));
  if (kind.geometric && slots + 1 > most) return undefined;
  const decoders = kind.geometric
    ? geometricDecoders(slots, meanDecodes / (meanDecodes + 1))
    : fixedDecoders(slots, meanDecodes, most);
  return decoders.length === 0 ? undefined : { mix, decoders, levels, parts };
}

/** The same engine with less slots, the most that can be followed. */
export function fewerSlots(mix: RequestMix): FewSlots | undefined {
  for (let slots = Math.min(mostFollowed, mix.slots - 1); slots >= leastFollowed; slots--) {
    const few = fewSlots({ ...mix, slots });
    if (few !== undefined) return few;
  }
  return undefined;
}

function promptParts({ meanPrompt, budgetTokens, slots }: RequestMix): readonly number[] {
  if (meanPrompt * slots <= budgetTokens - slots) return [0];
  const room = Math.max(1, budgetTokens - slots + 1) / meanPrompt;
  const parts = [0];
  for (let iteration = 1; iteration <= promptPoints; iteration++) {
    const part = (iteration * room) % 1;
    if (parts.every((other) => Math.abs(other - part) > 1e-6) && part < 1 - 1e-6) parts.push(part);
  }
  return parts.toSorted((left, right) => left - right);
}

function geometricDecoders(slots: number, stays: number): readonly Decoders[] {
  return Array.from({ length: slots + 1 }, (_, n) => ({
    left: new Array<number>(n).fill(1),
    next: Array.from({ length: slots - n + 1 }, (_unused, read) => binomial(n + read, stays)),
  }));
}

function binomial(count: number, probability: number): readonly Successor[] {
  let weights = [1];
  for (let trial = 0; trial < count; trial++) {
    const next = new Array<number>(trial + 2).fill(0);
    for (const [hits, weight] of weights.entries()) {
      next[hits] = certain(next[hits]) + weight * (1 - probability);
      next[hits + 1] = certain(next[hits + 1]) + weight * probability;
    }
    weights = next;
  }
  return weights.map((weight, decoders) => ({ decoders, probability: weight }));
}

/** All that can be reached from an empty engine; none where that is more than `most`. */
function fixedDecoders(slots: number, decodes: number, most: number): readonly Decoders[] {
  // As many as there are ways to choose what each slot has left, in any order.
  let ways = 1;
  for (let slot = 1; slot <= slots && ways <= most; slot++) ways *= (Math.ceil(decodes) + slot) / slot;
  if (ways > most + 0.5) return [];
  const lefts: (readonly number[])[] = [[]];
  const indexes = new Map<string, number>([["", 0]]);
  const found: Decoders[] = [];
  const indexOf = (left: readonly number[]): number => {
    const key = left.join();
    const known = indexes.get(key);
    if (known !== undefined) return known;
    indexes.set(key, lefts.length);
    lefts.push(left);
    return lefts.length - 1;
  };
  const low = Math.floor(decodes);
  for (let index = 0; index < lefts.length; index++) {
    const left = certain(lefts[index]);
    const rest = left.map((count) => count - 1).filter((count) => count > 0);
    const next = Array.from({ length: slots - left.length + 1 }, (_, read): readonly Successor[] => {
      const of = (own: number): number =>
        indexOf([...new Array<number>(own > 0 ? read : 0).fill(own), ...rest]);
      // Lengths that are not whole are those around them.
      return low === decodes || read === 0
        ? [{ decoders: of(decodes), probability: 1 }]
        : [
            { decoders: of(low), probability: low + 1 - decodes },
            { decoders: of(low + 1), probability: decodes - low },
          ];
    });
    found.push({ left, next });
  }
  return found;
}

/** Where the states lead to, as rows of a sparse matrix. */
interface Transitions {
  /** Where each state's row begins, and the last ends. */
  readonly rows: Int32Array;
  readonly targets: Int32Array;
  readonly probabilities: Float64Array;
  readonly decoding: Float64Array;
  /** Length of the iteration, ms. */
  readonly ms: Float64Array;
}

/**
 * Mean gap between tokens.
 *
 * @param waiting mean number of requests that wait for a slot, while any does.
 */
export function fewSlotsGapMs(few: FewSlots, arrivalsPerMs: number, waiting: number): number {
  const { rows, targets, probabilities, decoding, ms } = transitions(
    few,
    arrivalsPerMs,
    Math.min(waiting, mostWaiting),
  );
  const states = ms.length;
  const mostRounds = mostSteps / (targets.length + 4 * states);
  const mass = new Float64Array(states);
  let gapSum = 0;
  let gaps = 0;
  // The first arrival at an empty engine; the empty state itself, at index 0, takes no iteration.
  mass[few.parts.length] = 1;
  let before = 1;
  let gapMs = 0;
  for (let round = 1; round <= mostRounds; round++) {
    let roundSum = 0;
    let roundGaps = 0;
    for (let state = 1; state < states; state++) {
      const weight = certain(mass[state]);
      if (weight < 1e-15) continue;
      mass[state] = 0;
      roundSum += weight * certain(decoding[state]) * certain(ms[state]);
      roundGaps += weight * certain(decoding[state]);
      const end = certain(rows[state + 1]);
      for (let at = certain(rows[state]); at < end; at++) {
        const target = certain(targets[at]);
        mass[target] = certain(mass[target]) + weight * certain(probabilities[at]);
      }
    }
    gapSum += roundSum;
    gaps += roundGaps;
    const left = Math.max(0, 1 - certain(mass[0]));
    const ratio = Math.min(left / before, 0.9999);
    const rest = ratio / (1 - ratio);
    before = left;
    const last = gapMs;
    if (gaps > 0) gapMs = (gapSum + rest * roundSum) / (gaps + rest * roundGaps);
    if (left <= negligible || (round > 5 && Math.abs(gapMs - last) <= settled * gapMs)) break;
  }
  return gapMs;
}

function transitions(
  { mix, decoders, levels, parts }: FewSlots,
  arrivalsPerMs: number,
  waiting: number,
): Transitions {
  const { alphaMs, betaMs, gammaMs, deltaMs, meanPrompt, budgetTokens, slots } = mix;
  const width = levels + 1;
  const states = decoders.length * width * parts.length;
  const targets: number[] = [];
  const probabilities: number[] = [];
  const rows = new Int32Array(states + 1);
  const decoding = new Float64Array(states);
  const ms = new Float64Array(states);
  const goesOn = waiting / (1 + waiting);
  const arriving = new Float64Array(width);
  let state = 0;
  for (const { left, next } of decoders) {
    const n = left.length;
    const room = Math.max(1, budgetTokens - n) / meanPrompt;
    for (let level = 0; level <= levels; level++) {
      for (const done of parts) {
        const wanted = Math.max(0, Math.min(slots - n, level) - done);
        const read = Math.min(wanted, room);
        const lasts =
          (n > 0 ? alphaMs + betaMs * n : 0) + (read > 0 ? gammaMs + deltaMs * meanPrompt * read : 0);
        decoding[state] = n;
        ms[state] = lasts;
        const whole = read === wanted ? Math.round(done + read) : Math.floor(done + read + 1e-9);
        const first = Math.max(0, level - whole);
        unread(arriving, first, arrivalsPerMs * lasts, level === levels ? goesOn : 0);
        const [below, above] = between(parts, done + read - whole);
        for (const { decoders: to, probability } of certain(next[Math.min(whole, next.length - 1)])) {
          for (let reached = first; reached <= levels; reached++) {
            const share = probability * certain(arriving[reached]);
            if (share < negligible) continue;
            const target = (to * width + reached) * parts.length + below;
            targets.push(target);
            probabilities.push(share * (1 - above));
            if (above <= 0) continue;
            targets.push(target + 1);
            probabilities.push(share * above);
          }
        }
        rows[++state] = targets.length;
      }
    }
  }
  return {
    rows,
    targets: Int32Array.from(targets),
    probabilities: Float64Array.from(probabilities),
    decoding,
    ms,
  };
}

/**
 * Probabilities of the numbers of unread prompts after an iteration that leaves `first`, and on average `arrivals` more.
 * At the highest level there were more by a geometric number, each followed by another with probability `goesOn`.
 */
function unread(into: Float64Array, first: number, arrivals: number, goesOn: number): void {
  const levels = into.length - 1;
  let probability = Math.exp(-arrivals);
  let left = 1;
  let sum = 0;
  for (let to = first; to < levels; to++) {
    sum = sum * goesOn + probability * (1 - goesOn);
    into[to] = sum;
    left -= sum;
    probability *= arrivals / (to - first + 1);
  }
  into[levels] = Math.max(0, left);
}

/** The part below what has been read of a prompt, and how near it is to the next; a prompt begun is neither 0 nor 1. */
function between(parts: readonly number[], read: number): readonly [number, number] {
  if (read <= 1e-9 || parts.length === 1) return [0, 0];
  let below = 1;
  while (below + 1 < parts.length && certain(parts[below + 1]) <= read) below++;
  const low = certain(parts[below]);
  const high = parts[below + 1];
  return [below, high === undefined ? 0 : Math.max(0, (read - low) / (high - low))];
}
