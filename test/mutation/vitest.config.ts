import { defineConfig } from "vitest/config";
import { mutationParts, partVariable } from "./parts.ts";

const part = mutationParts[process.env[partVariable] ?? ""];
if (!part) throw new RangeError(`${partVariable} must be one of ${Object.keys(mutationParts).join(", ")}`);

export default defineConfig({
  test: {
    include: [...part.tests],
    pool: "threads",
    // One module graph for the test files of a run: half the time, with the same verdict on every mutant.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
