import { describe, expect, it } from "vitest";

import { certain } from "../../optimizer/certain.ts";
import { candidatesOf } from "../../optimizer/sizing/candidates.ts";
import { caseNames, casesExist, serversOf } from "./inferno-cases.ts";

/** The peer computes in 32-bit floats: a mistake in an equation shows far above this, its rounding far below. */
const tolerance = 1e-3;

/** Above this the peer's own rounding moves the count by ones. */
const countsAreExactUpTo = 1e5;

describe.skipIf(!casesExist)("sizing with the Inferno model agrees with llm-inferno/optimizer on", () => {
  it.each(casesExist ? caseNames() : [])("%s", (name) => {
    const differences: string[] = [];
    let compared = 0;
    for (const server of serversOf(name)) {
      const { candidates } = candidatesOf(server.group, server.problem);
      const workload = certain(server.group.workloads[0]);
      // The peer leaves the prompt length out of an idle server's prediction, and rejects batches of one at random.
      if (workload.load.requestsPerMinute === 0) continue;
      const expected = server.expected.filter(({ maxBatch }) => maxBatch > 1);
      const found = candidates.filter(({ maxBatchSize }) => maxBatchSize > 1);
      const names = (all: readonly { readonly accelerator: string }[]) =>
        all.map(({ accelerator }) => accelerator).toSorted();
      expect(names(found), server.name).toEqual(names(expected));

      for (const theirs of expected) {
        const ours = certain(found.find(({ accelerator }) => accelerator === theirs.accelerator));
        const prediction = certain(ours.predictions[0]);
        const differs = (field: string, our: number, their: number) => {
          if (Math.abs(our - their) > tolerance * Math.abs(their)) {
            differences.push(`${server.name} on ${theirs.accelerator}: ${field} ${our}, peer ${their}`);
          }
        };
        differs("ITL", prediction.itl.meanMs, theirs.itlMillis);
        differs("TTFT", prediction.ttft.meanMs, theirs.ttftMillis);
        differs("utilisation", ours.utilisation, theirs.rho);
        differs("maximum rate", ours.maxRequestsPerMinutePerReplica, theirs.maxRequestsPerMinute);
        differs("cost", ours.gpuUsdPerHour * 100, theirs.cost);
        if (theirs.replicas <= countsAreExactUpTo && ours.replicas !== theirs.replicas) {
          differences.push(
            `${server.name} on ${theirs.accelerator}: ${ours.replicas}, peer ${theirs.replicas}`,
          );
        }
        compared++;
      }
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(0);
  });
});
