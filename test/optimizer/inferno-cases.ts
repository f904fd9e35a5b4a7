import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { GroupDemand } from "../../optimizer/workload.ts";
import type { InstanceType } from "../../optimizer/catalog/catalog.ts";
import type { OptimizeProblem } from "../../optimizer/problem.ts";

const casesFolder = join(import.meta.dirname, "../../../shared/cases/optimizer");

export const casesExist = existsSync(casesFolder);

export function caseNames(): readonly string[] {
  return readdirSync(casesFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** One server of a case as a problem of its own, with what the peer found for it. */
export interface InfernoServer {
  readonly name: string;
  readonly group: GroupDemand;
  readonly problem: OptimizeProblem;
  readonly hasThroughputTarget: boolean;
  readonly keepsAccelerator: boolean;
  readonly expected: readonly ExpectedCandidate[];
}

/** The fields of a peer's candidate that are compared; cost in cents/h. */
export interface ExpectedCandidate {
  readonly accelerator: string;
  readonly replicas: number;
  readonly maxBatch: number;
  readonly cost: number;
  readonly itlMillis: number;
  readonly ttftMillis: number;
  readonly rho: number;
  readonly maxRequestsPerMinute: number;
}

type Json = Readonly<Record<string, unknown>>;

/** Inferno's files are read by Go's encoding/json, which matches keys without regard to case. */
function lowerKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toLowerCase(), lowerKeys(inner)]),
  );
}

const list = (object: Json, key: string) => (object[key] ?? []) as readonly Json[];
const child = (object: Json, key: string) => (object[key] ?? {}) as Json;
const text = (object: Json, key: string) => (object[key] ?? "") as string;
const number = (object: Json, key: string) => (object[key] ?? 0) as number;

export function serversOf(caseName: string): readonly InfernoServer[] {
  const read = (file: string) =>
    lowerKeys(JSON.parse(readFileSync(join(casesFolder, caseName, "input", `${file}.json`), "utf8"))) as Json;
  const expected = JSON.parse(readFileSync(join(casesFolder, caseName, "expected.json"), "utf8")) as {
    readonly candidates: Readonly<Record<string, readonly ExpectedCandidate[] | null>>;
  };
  const accelerators = list(read("accelerator-data"), "accelerators");
  const models = list(read("model-data"), "models");
  const classes = list(read("serviceclass-data"), "serviceclasses");

  return list(read("server-data"), "servers").map((server) => {
    const model = text(server, "model");
    const serviceClass = classes.find((one) => text(one, "name") === (text(server, "class") || "Free"));
    const target = list(serviceClass ?? {}, "modeltargets").find((one) => text(one, "model") === model);
    const current = child(server, "currentalloc");
    const load = child(current, "load");
    const outputTokens = number(load, "avgouttokens");
    const tokensPerSecond = target ? number(target, "slo-tps") : 0;
    const idle = number(load, "arrivalrate") === 0 || outputTokens === 0;
    const keepsAccelerator = server["keepaccelerator"] === true;

    // A server whose class has no target for its model has no candidate.
    const runnable = target === undefined ? [] : models.filter((one) => text(one, "name") === model);
    const shapes = runnable.flatMap((one) => {
      const accelerator = accelerators.find((acc) => text(acc, "name") === text(one, "acc"));
      if (!accelerator || (keepsAccelerator && text(one, "acc") !== text(current, "accelerator"))) return [];
      const instances = Math.max(number(one, "acccount"), 1);
      return [{ one, accelerator, gpus: instances * number(accelerator, "multiplicity"), instances }];
    });
    const group: GroupDemand = {
      id: text(server, "name"),
      workloads: [
        {
          id: text(server, "name"),
          model,
          priority: 1,
          slo: {
            ...(target && number(target, "slo-itl") > 0 ? { itlMeanMs: number(target, "slo-itl") } : {}),
            ...(target && number(target, "slo-ttft") > 0 ? { ttftMeanMs: number(target, "slo-ttft") } : {}),
          },
          load: {
            requestsPerMinute: idle
              ? 0
              : tokensPerSecond > 0
                ? (60 * tokensPerSecond) / outputTokens
                : number(load, "arrivalrate"),
            inputTokens: number(load, "avgintokens"),
            outputTokens,
          },
        },
      ],
      profiles: shapes.map(({ one, gpus }) => ({
        model,
        accelerator: text(one, "acc"),
        gpusPerReplica: gpus,
        maxBatchSize:
          number(server, "maxbatchsize") ||
          Math.max(
            Math.floor((number(one, "maxbatchsize") * number(one, "attokens")) / Math.max(outputTokens, 1)),
            1,
          ),
        alphaMs: number(child(one, "decodeparms"), "alpha"),
        betaMs: number(child(one, "decodeparms"), "beta"),
        gammaMs: number(child(one, "prefillparms"), "gamma"),
        deltaMs: number(child(one, "prefillparms"), "delta"),
        weightsGiB: 0,
        origin: { kind: "measured", source: "Inferno sample data", uncertaintyFraction: 0 },
      })),
      excluded: [],
      minReplicas: number(server, "minnumreplicas"),
      resources: () => ({ cpuMillis: 0, memoryMiB: 0 }),
    };
    const instanceTypes: readonly InstanceType[] = shapes.map(({ accelerator, gpus, instances }) => ({
      name: text(accelerator, "name"),
      accelerator: text(accelerator, "name"),
      gpuCount: gpus,
      vcpuCount: 96,
      memoryGiB: 512,
      maxPodCount: 100,
      usdPerHour: (number(accelerator, "cost") * instances) / 100,
    }));
    return {
      name: text(server, "name"),
      group,
      problem: {
        groups: [group],
        accelerators: accelerators.map((one) => ({
          name: text(one, "name"),
          memoryGiB: number(one, "memsize"),
          memoryBandwidthGBps: number(one, "membw"),
          dense16BitTflops: 0,
          source: "Inferno sample data",
        })),
        instanceTypes,
        gpuLimits: {},
        reservation: { daemonCpuMillis: 0, daemonMemoryMiB: 0, daemonPodCount: 0 },
      },
      hasThroughputTarget: tokensPerSecond > 0,
      keepsAccelerator,
      expected: expected.candidates[text(server, "name")] ?? [],
    };
  });
}
