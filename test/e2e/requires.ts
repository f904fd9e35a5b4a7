import { describe } from "vitest";

/** Something of the machine that a suite cannot run without. */
export interface Need {
  readonly name: string;
  /** Why it is missing and what to do about it; absent where it is there. */
  readonly missing?: string;
}

/** A suite that runs where everything it needs is there, and else says what is missing. */
export function suite(title: string, needs: readonly Need[], body: () => void): void {
  const reasons = needs.flatMap(({ name, missing }) =>
    missing === undefined ? [] : [`${name}: ${missing}`],
  );
  if (reasons.length === 0) {
    describe(title, body);
    return;
  }
  process.stderr.write(`skipped: ${title}, without ${reasons.join("; ")}\n`);
  describe.skip(title, body);
}
