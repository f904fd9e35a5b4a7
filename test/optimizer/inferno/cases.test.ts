import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { allocate } from "../../../optimizer/inferno/allocate.ts";
import type { InfernoAllocations } from "../../../optimizer/inferno/allocation-result.ts";
import { served } from "../../../optimizer/inferno/allocation-of.ts";
import { infernoModels } from "../../../optimizer/inferno/batch-chain.ts";
import { sizeServers } from "../../../optimizer/inferno/candidates.ts";
import type { SizedServer } from "../../../optimizer/inferno/candidates.ts";
import type { InfernoSystem } from "../../../optimizer/inferno/inferno-system.ts";
import { answerOf, caseNames, casesExist, systemOf } from "./cases.ts";
import type { PeerAllocation } from "./cases.ts";

/** The peer computes in 32-bit floats. */
const peerTolerance = 1e-4;

/** Above this the peer's own rounding moves the count by ones. */
const countsAreExactUpTo = 1e5;

/** The peer accepts or rejects batches of one by rounding, where their ITL is what the target allows. */
function mayBeMisjudged({ candidates }: SizedServer, theirs: readonly PeerAllocation[]): boolean {
  return (
    candidates.some(({ parts }) => parts[0]?.maxBatchSize === 1) ||
    theirs.some(({ maxBatch }) => maxBatch === 1)
  );
}

function close(found: number, expected: number, relative: number): boolean {
  return Math.abs(found - expected) <= relative * Math.abs(expected) + 1e-9;
}

async function solved(system: InfernoSystem, timeLimitMs: number): Promise<InfernoAllocations> {
  const models = infernoModels();
  return allocate(system, sizeServers(system, { models }), { models, objective: "value", timeLimitMs });
}

describe.skipIf(!casesExist)("sizing finds the candidates of llm-inferno/optimizer on", () => {
  it.each(caseNames())("%s", (name) => {
    const system = systemOf(name);
    const { candidates: theirs } = answerOf(name);
    const models = infernoModels();
    const differences: string[] = [];
    let compared = 0;
    for (const sized of sizeServers(system, { models })) {
      const server = sized.server.name;
      const expected = theirs[server] ?? [];
      for (const { maxBatch, accelerator } of expected) {
        if (maxBatch === 1) continue;
        if (!sized.candidates.some(({ parts }) => (parts[0]?.accelerator.name ?? "") === accelerator)) {
          differences.push(`${server}: ${accelerator} is missing`);
        }
      }
      for (const candidate of sized.candidates) {
        const ours = served(sized, candidate, models);
        if (ours.maxBatchSize === 1) continue;
        const peer = expected.find(({ accelerator }) => accelerator === ours.accelerator);
        if (peer === undefined) {
          differences.push(`${server}: ${ours.accelerator} is one too many`);
          continue;
        }
        const perMinute = certain(candidate.parts[0] ?? { offer: undefined }).offer?.throughputPerMs;
        const pairs: readonly (readonly [string, number, number])[] = [
          ["batch", ours.maxBatchSize, peer.maxBatch],
          ["ITL", ours.itlMs, peer.itlMillis],
          ["TTFT", ours.ttftMs, peer.ttftMillis],
          ["rho", ours.rho, peer.rho],
          ["cost", ours.cost, peer.cost],
          ["value", ours.value, peer.value],
          ...(perMinute === undefined
            ? []
            : [["rate", perMinute * 60_000, peer.maxRequestsPerMinute] as const]),
        ];
        for (const [field, our, their] of pairs) {
          if (!close(our, their, peerTolerance)) {
            differences.push(`${server} on ${ours.accelerator}: ${field} ${our}, peer ${their}`);
          }
        }
        if (peer.replicas <= countsAreExactUpTo && ours.replicas !== peer.replicas) {
          differences.push(`${server} on ${ours.accelerator}: ${ours.replicas}, peer ${peer.replicas}`);
        }
        compared++;
      }
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(0);
  });
});

describe.skipIf(!casesExist)("without limits every server gets what the peer gives it on", () => {
  it.each(caseNames().filter((name) => name.endsWith("unlimited")))("%s", async (name) => {
    const peer = answerOf(name);
    const system = systemOf(name);
    const misjudged = new Set(
      sizeServers(system, { models: infernoModels() })
        .filter((sized) => mayBeMisjudged(sized, peer.candidates[sized.server.name] ?? []))
        .map(({ server }) => server.name),
    );
    const { allocations, proof } = await solved(system, 0);
    expect(proof).toEqual({ status: "trivial", gap: 0 });
    let compared = 0;
    for (const ours of allocations.filter(({ server }) => !misjudged.has(server))) {
      const theirs = peer.allocations[ours.server];
      expect([ours.server, ours.served]).toEqual([ours.server, theirs ? "full" : "none"]);
      expect(close(ours.value, theirs?.value ?? 0, 1e-5)).toBe(true);
      compared++;
      if (peer.determinism.distinctSolutions > 1) continue;
      expect([ours.server, ours.accelerator, ours.replicas]).toEqual([
        ours.server,
        theirs?.accelerator ?? "",
        theirs?.replicas ?? 0,
      ]);
    }
    expect(compared).toBeGreaterThan(0);
  });
});

const limitedNames = caseNames().filter((name) => !name.endsWith("unlimited"));

/** Servers served in full by priority, and their value, without those that need nothing: the peer gives them nothing. */
function scoreOf(system: InfernoSystem, { allocations }: InfernoAllocations, levels: readonly number[]) {
  const priorities = new Map(system.serviceClasses.map((one) => [one.name, one.priority]));
  const levelOf = new Map(system.servers.map((one) => [one.name, priorities.get(one.serviceClass)]));
  const full = allocations.filter((one) => one.served === "full" && one.replicas > 0);
  return {
    servedByLevel: levels.map((level) => full.filter(({ server }) => levelOf.get(server) === level).length),
    value: full.reduce((sum, one) => sum + one.value, 0),
  };
}

describe.skipIf(!casesExist)(
  "with limits the answer is the optimum for the systems of 10 and 15 servers:",
  () => {
    it.each(limitedNames.filter((name) => /^(small|gen10-)/.test(name)))("%s", async (name) => {
      const system = systemOf(name);
      const { optimum } = answerOf(name);
      const answer = await solved(system, 30_000);
      const { servedByLevel, value } = scoreOf(system, answer, optimum?.levels ?? []);
      expect(answer.proof).toEqual({ status: expect.stringMatching(/optimal|trivial/) as string, gap: 0 });
      expect(servedByLevel).toEqual(optimum?.servedByLevel);
      expect(close(value, optimum?.value ?? 0, 1e-6)).toBe(true);
    });
  },
);

describe.skipIf(!casesExist)("with limits and no time the answer is never below the peer's on", () => {
  it.each(limitedNames)("%s", async (name) => {
    const system = systemOf(name);
    const { optimum, determinism } = answerOf(name);
    const answer = await solved(system, 0);
    const ours = scoreOf(system, answer, optimum?.levels ?? []);
    const theirs = optimum?.peerPolicyNone ?? { servedByLevel: [], value: 0 };
    const level = ours.servedByLevel.findIndex((served, at) => served !== theirs.servedByLevel[at]);
    if (level >= 0) {
      expect(ours.servedByLevel[level]).toBeGreaterThan(theirs.servedByLevel[level] ?? 0);
    } else if (determinism.distinctSolutions === 1) {
      expect(ours.value).toBeLessThanOrEqual(theirs.value + 1e-6 * Math.abs(theirs.value));
    }
    for (const { units, capacityUnits } of answer.units) expect(units).toBeLessThanOrEqual(capacityUnits);
  });
});
