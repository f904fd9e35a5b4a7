import type { RequestMix } from "./request-mix.ts";

/** How a request's own prompt is read. */
export interface OwnPrompt {
  /** What each iteration that reads it takes besides its tokens. */
  readonly ownOverheadMs: number;
  /** Share of its capacity at which prompts use the token budget. */
  readonly budgetUse: number;
  /** Tokens of an iteration that are left for prompts. */
  readonly budgetTokens: number;
}

/** From the iteration that begins a prompt to the one that finishes it. Prompts in a row share their iterations. */
export function ownPromptMs({ deltaMs }: RequestMix, prompt: number, of: OwnPrompt): number {
  return iterationsTaken(prompt, of) * of.ownOverheadMs + deltaMs * prompt;
}

/** Iterations that read a prompt: alone it takes whole ones, in a row with others it shares its first and last. */
export function iterationsTaken(prompt: number, { budgetTokens, budgetUse }: OwnPrompt): number {
  const iterations = prompt / Math.max(1, budgetTokens);
  return iterations <= 1 ? 1 : budgetUse * iterations + (1 - budgetUse) * Math.ceil(iterations);
}
