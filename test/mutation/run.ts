import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stryker } from "@stryker-mutator/core";
import { mutationParts, partVariable, type MutationPart } from "./parts.ts";

/** Least share of mutants, in percent, that the tests of every part must notice. */
const leastScorePercent = 80;

/** What the sandbox needs: everything else would only be copied. */
const sandboxed = [
  "platform",
  "optimizer",
  "components",
  "stacks",
  "test",
  "docs",
  "schema",
  "package.json",
  "tsconfig.json",
];

const cache = "node_modules/.cache/mutation";

type MutantResults = Awaited<ReturnType<Stryker["runMutationTest"]>>;

/**
 * `node test/mutation/run.ts [--incremental] [part…]`: all parts unless some are named. `--incremental` runs again only
 * what edited lines and tests concern, by earlier results: for the work on tests, since it misses what changed elsewhere.
 */
const given = process.argv.slice(2);
const incremental = given.includes("--incremental");
const named = given.filter((argument) => argument !== "--incremental");
const names = named.length > 0 ? named : Object.keys(mutationParts);

mkdirSync(cache, { recursive: true });
const lines: string[] = [];
for (const name of names) {
  const part = mutationParts[name];
  if (!part)
    throw new RangeError(`there is no part ${name}; there are ${Object.keys(mutationParts).join(", ")}`);
  const started = performance.now();
  const results = await measured(name, part);
  const seconds = Math.round((performance.now() - started) / 1000);
  const counts = countsOf(results);
  const score = scoreOf(counts);
  if (!(score >= leastScorePercent)) process.exitCode = 1;
  const shown = Object.entries(counts).map(([status, count]) => `${count} ${status}`);
  lines.push(`${name}: ${score.toFixed(1)} % (${shown.join(", ")}) in ${seconds} s`);
}
process.stdout.write(
  `\nmutation score, at least ${leastScorePercent} % of every part\n${lines.join("\n")}\n`,
);

async function measured(name: string, part: MutationPart): Promise<MutantResults> {
  process.env[partVariable] = name;
  const stryker = new Stryker({
    mutate: [...part.mutate],
    testRunner: "vitest",
    vitest: { configFile: "test/mutation/vitest.config.ts", related: true, pool: "threads" },
    plugins: ["@stryker-mutator/vitest-runner"],
    coverageAnalysis: "perTest",
    concurrency: 2,
    incremental: true,
    incrementalFile: join(cache, `${name}.incremental.json`),
    force: !incremental,
    ignorePatterns: ["/*", ...sandboxed.map((entry) => `!/${entry}`), "/test/toolchain", "/test/e2e"],
    // Outside the repository, so that no tool of it finds the mutated copies.
    tempDirName: join(tmpdir(), `domino-inference-mutation-${process.pid}`),
    cleanTempDir: "always",
    // Types are checked elsewhere; here they are stripped.
    disableTypeChecks: false,
    reporters: ["clear-text", "json", "progress-append-only"],
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
    jsonReporter: { fileName: join(cache, `${name}.json`) },
    thresholds: { high: 100, low: leastScorePercent, break: leastScorePercent },
    allowConsoleColors: false,
  });
  return stryker.runMutationTest();
}

function countsOf(results: MutantResults): Record<string, number> {
  const counts = { Killed: 0, Timeout: 0, Survived: 0, NoCoverage: 0, Ignored: 0 };
  return results.reduce<Record<string, number>>(
    (sums, { status }) => ({ ...sums, [status]: (sums[status] ?? 0) + 1 }),
    counts,
  );
}

/** Share of noticed mutants in percent; mutants that no test reaches count as missed, ignored ones not at all. */
function scoreOf(counts: Readonly<Record<string, number>>): number {
  const { Killed = 0, Timeout = 0, Survived = 0, NoCoverage = 0 } = counts;
  return (100 * (Killed + Timeout)) / (Killed + Timeout + Survived + NoCoverage);
}
