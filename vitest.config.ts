import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Needs what `npm run toolchain` builds: run by `npm run test:e2e`.
    exclude: ["test/e2e/**"],
    // Pulumi keeps its mocks and its settings in process-wide state: one process a file keeps them apart.
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
