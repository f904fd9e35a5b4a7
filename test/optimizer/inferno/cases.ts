import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { InfernoSystem } from "../../../optimizer/inferno/inferno-system.ts";
import { readInfernoFiles } from "../../../optimizer/inferno/read-system.ts";

const casesFolder = join(import.meta.dirname, "../../../../shared/cases/optimizer");

/** The cases are not part of the repository. */
export const casesExist = existsSync(casesFolder);

export function caseNames(): readonly string[] {
  if (!casesExist) return [];
  return readdirSync(casesFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** The fields of a peer's allocation or candidate that are compared; cost in cents/h. */
export interface PeerAllocation {
  readonly accelerator: string;
  readonly replicas: number;
  readonly maxBatch: number;
  readonly cost: number;
  readonly value: number;
  readonly itlMillis: number;
  readonly ttftMillis: number;
  readonly rho: number;
  readonly maxRequestsPerMinute: number;
}

/** What the peer answered, and the optimum where it is known. */
export interface PeerAnswer {
  readonly totals: {
    readonly served: number;
    readonly partial: number;
    readonly unserved: number;
    readonly cost: number;
    readonly value: number;
  };
  readonly determinism: { readonly distinctSolutions: number };
  readonly unserved: readonly string[];
  readonly noCandidate: readonly string[];
  readonly allocations: Readonly<Record<string, PeerAllocation>>;
  readonly candidates: Readonly<Record<string, readonly PeerAllocation[] | null>>;
  readonly optimum: {
    readonly levels: readonly number[];
    readonly servedByLevel: readonly number[];
    readonly value: number;
    readonly proven: boolean;
    readonly peerPolicyNone: { readonly servedByLevel: readonly number[]; readonly value: number };
  } | null;
}

export function systemOf(caseName: string): InfernoSystem {
  const read = (file: string): unknown =>
    JSON.parse(readFileSync(join(casesFolder, caseName, "input", `${file}.json`), "utf8"));
  const reading = readInfernoFiles({
    acceleratorData: read("accelerator-data"),
    modelData: read("model-data"),
    serviceClassData: read("serviceclass-data"),
    serverData: read("server-data"),
    capacityData: read("capacity-data"),
    optimizerData: read("optimizer-data"),
  });
  if (!reading.ok) throw new RangeError(JSON.stringify(reading.problems));
  return reading.system;
}

export function answerOf(caseName: string): PeerAnswer {
  return JSON.parse(readFileSync(join(casesFolder, caseName, "expected.json"), "utf8")) as PeerAnswer;
}
