import { defineConfig } from "vitest/config";
import { compileCache } from "./test/support/compile-cache.ts";

/** Times that agree only where nothing else uses the processors. */
const timed = ["test/e2e/emulator/**/*.test.ts"];

const common = {
  pool: "forks",
  env: compileCache,
  testTimeout: 120_000,
  hookTimeout: 120_000,
} as const;

/** Tests against real parts of others: servers, a cluster, the engine. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: "timed",
          include: timed,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          name: "real parts",
          include: ["test/e2e/**/*.test.ts"],
          exclude: ["**/node_modules/**", ...timed],
          // More than two processors need: clusters and servers are waited for a third of the time.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
