import type { MeasuredPoint } from "./measured-point.ts";

/** One point's decode iterations without the prompts of other requests that were read between them. */
export interface DecodePoint {
  /** Mean sequences that decode in an iteration, at least 1. */
  readonly sequences: number;
  /** Mean time of an iteration's decoding; not above 0 where prefill accounts for all of the measured time. */
  readonly decodeMs: number;
  /** Share of the measured inter-token latency that is prefill. */
  readonly prefillFraction: number;
}

/**
 * What an inter-token latency measured at a fixed number of requests in flight says about decoding alone.
 *
 * A sequence that decodes shares the engine with batch-1 others. Each of them decodes for D = (K-1)·ITL of every
 * D + TTFT and begins one prompt in that time, so that in one decode iteration
 *
 *     n = 1 + (batch-1)·D/(D+TTFT)   sequences decode, and   q = (n-1)/(K-1)   prompts are begun by others.
 *
 * Where they begin by chance, an iteration contains prefill with probability 1-exp(-q), and
 *
 *     ITL = alpha + beta·n + gamma·(1-exp(-q)) + delta·I·q.
 *
 * Answers of one fixed length end together, and their prompts begin together, c at once: they read each other's
 * prompts before their first token, not between tokens, and pay gamma once. TTFT shows c, as it contains all prompts
 * of the iteration: c = (TTFT - gamma - ITL)/(delta·I), of which chance alone explains 1+q. With what is left of it,
 *
 *     q = (n-c)/(K-1)   and   ITL = alpha + beta·n + gamma·(1-exp(-q/c)) + delta·I·q.
 *
 * The last two terms are what is taken off. Left in, they would end up in beta and count twice, as the
 * continuous-batching model adds them itself. Requests that wait for a place in the batch wait within TTFT, so that n
 * stays at the engine's own limit however many requests are in flight; a TTFT of more than two full iterations is taken
 * for such waiting, and says nothing about c.
 *
 * @param maxBatchedTokens tokens that one iteration reads at most, which bounds c.
 * @returns nothing where the tokens of the answer are not known: n and q cannot be told then.
 */
export function withoutPrefill(
  { batch, inputTokens, outputTokens, ttftMs = 0, itlMs }: MeasuredPoint & { readonly itlMs: number },
  { gammaMs, deltaMs }: { readonly gammaMs: number; readonly deltaMs: number },
  maxBatchedTokens: number,
): DecodePoint | undefined {
  if (batch === 1) return { sequences: 1, decodeMs: itlMs, prefillFraction: 0 };
  if (outputTokens === undefined || outputTokens <= 1) return undefined;
  const iterations = outputTokens - 1;
  const decodingMs = iterations * itlMs;
  const sequences = 1 + ((batch - 1) * decodingMs) / (decodingMs + ttftMs);
  const promptMs = deltaMs * inputTokens;
  const inOneIteration = Math.max(1, maxBatchedTokens / inputTokens);
  const read = promptMs > 0 ? (ttftMs - gammaMs - itlMs) / promptMs : 1;
  const byChance = 1 + (sequences - 1) / iterations;
  const waits = read > 2 * inOneIteration;
  const together = waits ? 1 : Math.min(Math.max(1, read / byChance), inOneIteration, sequences);
  const prompts = (sequences - together) / iterations;
  const prefillMs = promptMs * prompts - gammaMs * Math.expm1(-prompts / together);
  return { sequences, decodeMs: itlMs - prefillMs, prefillFraction: prefillMs / itlMs };
}
