import { afterEach } from "vitest";

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

/** Closes something when the test has ended, what came last first. */
export function atEnd(close: () => unknown): void {
  opened.push(close);
}
