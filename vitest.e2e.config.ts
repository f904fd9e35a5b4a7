import { defineConfig } from "vitest/config";

/** Tests against real servers of others: slow to start, and some of them heavy, hence one file at a time. */
export default defineConfig({
  test: {
    include: ["test/e2e/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
