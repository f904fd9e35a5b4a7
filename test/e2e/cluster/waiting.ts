import { setTimeout } from "node:timers/promises";

const pollMillis = 100;

export interface WaitOptions {
  /** What is waited for, for the error. */
  readonly what: string;
  /** @default 60 s: a loaded machine of two cores is slow, and a wait that is fulfilled ends at once */
  readonly timeoutMillis?: number;
  /** Adds what was seen last to the error. */
  readonly state?: () => Promise<string> | string;
}

/** Asks until there is an answer. @throws Error when the time is up */
export async function waitFor<T>(
  ask: () => Promise<T | undefined | false>,
  { what, timeoutMillis = 60_000, state }: WaitOptions,
): Promise<T> {
  const deadlineMillis = performance.now() + timeoutMillis;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadlineMillis) {
      const seen = state === undefined ? "" : `: ${await state()}`;
      throw new Error(`${what} did not happen within ${timeoutMillis / 1_000} s${seen}`);
    }
    await setTimeout(pollMillis);
  }
}
