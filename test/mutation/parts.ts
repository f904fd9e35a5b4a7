/** A part of the program whose tests are measured by mutants, with the tests that answer for it. */
export interface MutationPart {
  /** Files that are mutated, as globs from the repository's root. */
  readonly mutate: readonly string[];
  /** Tests that run against every mutant, as globs from the repository's root. Quick ones: each runs hundreds of times. */
  readonly tests: readonly string[];
}

/** The parts, cheapest first. A score is held by each of them, so that a large part cannot hide a weak small one. */
export const mutationParts: Readonly<Record<string, MutationPart>> = {
  identity: {
    mutate: ["components/identity/**/*.ts"],
    tests: ["test/components/identity/**/*.test.ts"],
  },
  network: {
    mutate: [
      "components/cluster/inference-namespace.ts",
      "components/cluster/namespace-label.ts",
      "components/engines/engine-network.ts",
      "components/proxy/proxy-network.ts",
    ],
    tests: [
      "test/components/cluster/inference-namespace.test.ts",
      "test/components/engines/engine-network.test.ts",
      "test/components/proxy/proxy-network.test.ts",
    ],
  },
  platform: {
    mutate: ["platform/**/*.ts"],
    tests: ["test/platform/!(one-value).test.ts", "test/platform/*/**/*.test.ts"],
  },
};

/** Environment variable by which a run tells vitest's configuration which part it measures. */
export const partVariable = "MUTATION_PART";
