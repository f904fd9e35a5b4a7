// Prints how assignments compare with Inferno's greedy ones and with their proven bounds: fleets of 10,000 and 1,000
// servers with up to six options each, and the development cases with their known optima. The figures of the peer
// (llm-inferno/optimizer at 8a61a92) and of native HiGHS on the peer's own problems are recorded ones; the fleets here
// are like those and not the same. Times are CPU time of all threads unless they say otherwise.
import type { AssignmentProblem } from "../../optimizer/assignment/assignment-problem.ts";
import { compileProblem, fromAssignment } from "../../optimizer/assignment/compiled-problem.ts";
import { solveAssignmentQuickly } from "../../optimizer/assignment/quick.ts";
import { regretGreedy } from "../../optimizer/assignment/regret-greedy.ts";
import { compareScores, compareServed, scoreOf } from "../../optimizer/assignment/score.ts";
import type { Score } from "../../optimizer/assignment/score.ts";
import { solveAssignment } from "../../optimizer/assignment/solve.ts";
import type { AssignmentAnswer } from "../../optimizer/assignment/solve.ts";
import {
  caseNames,
  casesExist,
  readAssignmentCase,
  servedOfLevels,
  valueOf,
} from "../../test/optimizer/assignment/case-problems.ts";
import { randomFleet } from "../../test/optimizer/assignment/random-problems.ts";

const seeds = Number(process.argv[2] ?? 3);

interface Run {
  readonly greedy: Score;
  readonly found: Score;
  readonly answer: AssignmentAnswer;
  readonly firstMs: number;
  readonly cpuMs: number;
}

console.log("first answers, in a process that has done nothing else before, and peak memory:");
const first = await runOf(
  randomFleet({ servers: 10_000, seed: 1, capacityPercent: 70, change: true }),
  30_000,
);
console.log(
  `  10,000 servers: ${first.firstMs.toFixed(0)} ms to the first answer   target: 100 ms   peer's greedy: 15 ms`,
);
const again = await runOf(randomFleet({ servers: 10_000, seed: 2, capacityPercent: 70, change: true }), 0);
console.log(`  10,000 servers, the second time: ${again.firstMs.toFixed(0)} ms`);
console.log(`  peak memory of the process: ${peakMiB()} MiB   target: 600 MiB   peer's greedy: 43 MiB`);

for (const [servers, seconds, peer] of [
  [10_000, 30, "native HiGHS on the peer's problem: 51 s"],
  [1_000, 60, "native HiGHS on the peer's problems: 2.4 to 23 s"],
] as const) {
  console.log(`${servers} servers, ${seconds} s at most; ${peer}:`);
  const runs: Run[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    for (const capacityPercent of [45, 70]) {
      for (const change of [false, true]) {
        const run = await runOf(randomFleet({ servers, seed, capacityPercent, change }), seconds * 1000);
        runs.push(run);
        console.log(
          `  seed ${seed}, ${capacityPercent} %${change ? ", change" : ""}: greedy [${run.greedy.served.join(" ")}], here [${run.found.served.join(" ")}] ` +
            `${run.answer.proof.status}, gap ${run.answer.proof.gap.toExponential(1)}, ${(run.cpuMs / 1000).toFixed(1)} s CPU, ${(run.answer.elapsedMs / 1000).toFixed(1)} s`,
        );
      }
    }
  }
  const proven = runs.filter(({ answer }) => answer.proof.status === "optimal").length;
  const below = runs.filter(({ greedy, found }) => compareScores(found, greedy) > 0).length;
  const more = runs.filter(({ greedy, found }) => compareServed(found.served, greedy.served) < 0).length;
  const cpuMs = runs.map((run) => run.cpuMs).toSorted((a, b) => a - b);
  console.log(
    `  proven ${proven} of ${runs.length}; largest gap ${Math.max(...runs.map(({ answer }) => answer.proof.gap)).toExponential(1)}   target: 1e-3 ; ` +
      `serves more than the greedy in ${more}, is worse in ${below}; CPU median ${seconds1(cpuMs[cpuMs.length >> 1])} s, most ${seconds1(cpuMs.at(-1))} s`,
  );
}

if (casesExist) {
  let known = 0;
  let proven = 0;
  let equal = 0;
  let below = 0;
  let quickEqual = 0;
  const names = caseNames();
  const before = process.cpuUsage();
  for (const name of names) {
    const { problem, levels, optimum, peerServedByLevel } = readAssignmentCase(name);
    const { assignment, proof } = await solveAssignment(problem, { timeLimitMs: 60_000 });
    if (proof.status !== "feasible") proven++;
    if (!optimum || !peerServedByLevel) continue;
    known++;
    const served = servedOfLevels(problem, assignment, levels);
    const isEqual =
      String(served) === String(optimum.servedByLevel) &&
      Math.abs(valueOf(problem, assignment) - optimum.value) <= 1e-6 * Math.abs(optimum.value);
    if (isEqual) equal++;
    const quick = servedOfLevels(problem, solveAssignmentQuickly(problem), levels);
    if (String(quick) === String(optimum.servedByLevel)) quickEqual++;
    if (compareServed(Int32Array.from(quick), Int32Array.from(peerServedByLevel)) > 0) below++;
  }
  console.log(
    `development cases: ${proven} of ${names.length} proven, ${equal} of ${known} known optima reached (served and value); ` +
      `the quick answer serves as the optimum in ${quickEqual}, less than the peer in ${below}; ${seconds1(cpuMsSince(before))} s CPU in all`,
  );
}
console.log(`peak memory of the process: ${peakMiB()} MiB   target: 600 MiB`);

async function runOf(problem: AssignmentProblem, timeLimitMs: number): Promise<Run> {
  const before = process.cpuUsage();
  let firstMs = 0;
  const answer = await solveAssignment(problem, {
    timeLimitMs,
    onIncumbent: () => {
      firstMs ||= cpuMsSince(before);
    },
  });
  const cpuMs = cpuMsSince(before);
  const compiled = compileProblem(problem);
  return {
    greedy: scoreOf(compiled, regretGreedy(compiled)),
    found: scoreOf(compiled, fromAssignment(compiled, answer.assignment)),
    answer,
    firstMs,
    cpuMs,
  };
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function seconds1(ms: number | undefined): string {
  return ((ms ?? Number.NaN) / 1000).toFixed(1);
}

/** Linux counts in KiB. */
function peakMiB(): string {
  return (process.resourceUsage().maxRSS / 1024).toFixed(0);
}
