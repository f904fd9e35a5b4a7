import { certain } from "../../optimizer/certain.ts";
import { newestCatalog } from "../../optimizer/catalog/registry.ts";
import type { InstanceType } from "../../optimizer/catalog/catalog.ts";
import type { NodeReservation, OptimizeProblem } from "../../optimizer/problem.ts";
import { estimateProfiles } from "../../optimizer/profiles/estimate.ts";
import type { PerformanceProfile } from "../../optimizer/profiles/performance-profile.ts";
import type { GroupDemand, Slo, Workload } from "../../optimizer/workload.ts";

export const noReservation: NodeReservation = { daemonCpuMillis: 0, daemonMemoryMiB: 0, daemonPodCount: 0 };

export function workload(overrides: Partial<Workload> = {}): Workload {
  return {
    id: "chat",
    model: "m",
    priority: 1,
    slo: {},
    load: { requestsPerMinute: 60, inputTokens: 100, outputTokens: 100 },
    ...overrides,
  };
}

/** 10 ms a token and 20 ms a prompt of 100 tokens for one request alone. */
export function profile(overrides: Partial<PerformanceProfile> = {}): PerformanceProfile {
  return {
    model: "m",
    accelerator: "A",
    gpusPerReplica: 1,
    maxBatchSize: 16,
    alphaMs: 9.5,
    betaMs: 0.5,
    gammaMs: 10,
    deltaMs: 0.1,
    weightsGiB: 10,
    origin: { kind: "measured", source: "test", uncertaintyFraction: 0 },
    ...overrides,
  };
}

export function group(overrides: Partial<GroupDemand> = {}): GroupDemand {
  return {
    id: "chat",
    task: "generation",
    workloads: [workload()],
    profiles: [profile()],
    excluded: [],
    minReplicas: 0,
    resources: () => ({ cpuMillis: 1000, memoryMiB: 4096 }),
    ...overrides,
  };
}

export function instanceType(overrides: Partial<InstanceType> = {}): InstanceType {
  return {
    name: "a.1",
    accelerator: "A",
    gpuCount: 1,
    vcpuCount: 16,
    memoryGiB: 64,
    maxPodCount: 58,
    usdPerHour: 1,
    ...overrides,
  };
}

export function problem(overrides: Partial<OptimizeProblem> = {}): OptimizeProblem {
  const instanceTypes = overrides.instanceTypes ?? [instanceType()];
  return {
    groups: [group()],
    accelerators: [...new Set(instanceTypes.map(({ accelerator }) => accelerator))].map((name) => ({
      name,
      memoryGiB: 80,
      memoryBandwidthGBps: 2000,
      dense16BitTflops: 300,
      source: "test",
    })),
    gpuLimits: {},
    reservation: noReservation,
    ...overrides,
    instanceTypes,
  };
}

interface EstimatedTraffic {
  readonly id: string;
  readonly model: string;
  readonly priority: number;
  readonly slo: Slo;
  readonly requestsPerMinute: number;
}

function estimatedGroup(id: string, traffic: readonly EstimatedTraffic[]): GroupDemand {
  const estimates = [...new Set(traffic.map(({ model }) => model))].map((model) => {
    const architecture = certain(newestCatalog.models.find(({ name }) => name === model));
    return estimateProfiles(architecture, newestCatalog.accelerators, {
      inputTokens: 1024,
      outputTokens: 256,
    });
  });
  const [{ model: firstModel }] = traffic as [EstimatedTraffic];
  return group({
    id,
    task: certain(newestCatalog.models.find(({ name }) => name === firstModel)).task,
    workloads: traffic.map(({ requestsPerMinute, ...rest }) => {
      const generates =
        certain(newestCatalog.models.find(({ name }) => name === rest.model)).task === "generation";
      const tokens = generates
        ? { inputTokens: 1024, outputTokens: 256 }
        : { inputTokens: 1, outputTokens: 1 };
      return workload({ ...rest, load: { requestsPerMinute, ...tokens } });
    }),
    profiles: estimates.flatMap(({ profiles }) => profiles),
    excluded: estimates.flatMap(({ excluded }) => excluded),
    minReplicas: 1,
    resources: ({ gpusPerReplica }) => ({
      cpuMillis: 2000 * gpusPerReplica,
      memoryMiB: 8192 * gpusPerReplica,
    }),
  });
}

/** Six groups as a production platform has them, on every accelerator and instance type of the newest catalog. */
export function platformProblem(loadFactor = 1): OptimizeProblem {
  const chatSlo = { ttftP95Ms: 1500, itlMeanMs: 50 };
  const traffic = (
    model: string,
    priority: number,
    requestsPerMinute: number,
    slo: Slo,
  ): EstimatedTraffic => ({
    id: `${model}/${priority}`,
    model,
    priority,
    slo,
    requestsPerMinute: requestsPerMinute * loadFactor,
  });
  return {
    groups: [
      estimatedGroup("chat-large", [
        traffic("llama-3.1-70b", 1, 300, chatSlo),
        traffic("llama-3.1-70b", 50, 600, {}),
      ]),
      estimatedGroup("chat-small", [traffic("llama-3.1-8b", 10, 1200, { ttftP95Ms: 500, itlP95Ms: 40 })]),
      estimatedGroup("code", [traffic("qwen3-32b", 10, 120, chatSlo)]),
      estimatedGroup("summaries", [traffic("mistral-7b", 100, 60, {})]),
      estimatedGroup("tabular", [
        traffic("bert-base", 1, 6000, { latencyP95Ms: 50 }),
        traffic("distilbert-base", 10, 3000, { latencyP95Ms: 50 }),
      ]),
      estimatedGroup("drafts", [traffic("llama-3-8b", 100, 0, {})]),
    ],
    accelerators: newestCatalog.accelerators,
    instanceTypes: newestCatalog.instanceTypes,
    gpuLimits: { "H100-80G": 16 },
    reservation: { daemonCpuMillis: 500, daemonMemoryMiB: 1024, daemonPodCount: 8 },
  };
}
