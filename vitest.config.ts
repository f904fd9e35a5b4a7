import { defineConfig } from "vitest/config";
import { compileCache } from "./test/support/compile-cache.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Needs what `npm run toolchain` builds: run by `npm run test:e2e`.
    exclude: ["**/node_modules/**", "test/e2e/**"],
    // Pulumi keeps its mocks and its settings in process-wide state: one process a file keeps them apart.
    pool: "forks",
    env: compileCache,
    // As many as processors: vitest would leave one of two to itself, which has little to do.
    maxWorkers: "100%",
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
