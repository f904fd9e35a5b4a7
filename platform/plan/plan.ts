import { catalogOf } from "../../optimizer/catalog/registry.ts";
import type { Catalog } from "../../optimizer/catalog/catalog.ts";
import { partName, partsOf } from "../../optimizer/allocation.ts";
import type { Candidate, GroupAllocation, OptimizeResult } from "../../optimizer/allocation.ts";
import { optimize } from "../../optimizer/optimize.ts";
import { podShape } from "../../optimizer/pod-shape.ts";
import { karpenterPoolsOf } from "../../optimizer/packing/karpenter-pools.ts";
import { sizesOnce } from "../../optimizer/sizing/sizes-once.ts";
import { disaggregatedGroup } from "../../optimizer/sizing/disaggregated-group.ts";
import type { GroupDemand } from "../../optimizer/workload.ts";
import { PlatformError } from "../errors/platform-error.ts";
import { engineProfiles } from "../engines/registry.ts";
import type { EngineType } from "../engines/registry.ts";
import { routesOf } from "../routes/routes-of.ts";
import type { EngineSpec, PlatformSpec } from "../spec/schema.ts";
import { certain } from "../../optimizer/certain.ts";
import { boundedNodes } from "./bounded-nodes.ts";
import { engineOptions } from "./engine-options.ts";
import { modelStorage } from "./model-storage.ts";
import { dayPeriods } from "./day-periods.ts";
import { cardsIn, deviceOf } from "./devices.ts";
import { groupDrafts, type GroupDraft } from "./group-drafts.ts";
import { groupPlan } from "./group-plan.ts";
import { allowedHardware, nodeReservation, type Hardware } from "./hardware.ts";
import { namespacePlans } from "./namespaces.ts";
import { costShares, nodePoolPlans } from "./node-pools.ts";
import type {
  EnginePlan,
  PlanTotals,
  PlatformPlan,
  ReplicaGroupPlan,
  SchedulePlan,
  ServerPlan,
  UnplacedPlan,
} from "./platform-plan.ts";
import { requirePools } from "./replica-layout.ts";
import { apart, cheapestSharing } from "./sharing.ts";
import { schedulePlan, type ScheduledGroup } from "./schedule-plan.ts";

/**
 * Resolves a spec into a plan: which accelerator, how many replicas, on which nodes, at what cost and latency.
 * Pure and deterministic: the same spec gives the same plan, on any day.
 *
 * Servers that cannot be placed are data (`unplaced`), not an error: who needs all of them calls {@link requirePlaced}.
 */
export function planPlatform(spec: PlatformSpec): PlatformPlan {
  const catalog = requireCatalog(spec.catalog);
  const hardware = allowedHardware(spec, catalog);
  const problem = { ...hardware, reservation: nodeReservation };
  const sizesOf = sizesOnce();
  const drafts = groupDrafts(spec, catalog, hardware.accelerators, cheapestSharing(problem, sizesOf));
  for (const { demand } of drafts) requirePools(demand);
  const result = optimize({ ...problem, groups: drafts.map((draft) => draft.demand) }, sizesOf);
  const sharing = sharingPlan(drafts, result, () => {
    const separate = groupDrafts(spec, catalog, hardware.accelerators, apart);
    return optimize({ ...problem, groups: separate.map(({ demand }) => demand) }, sizesOf);
  });

  const platformNamespace = `domino-inference-${spec.metadata.stage}`;
  const allocations = new Map(result.allocations.map((allocation) => [allocation.group, allocation]));
  const schedule = scheduleOf(spec, drafts, result, hardware);
  const pools = nodePoolPlans(spec.metadata.name, result.nodePools, hardware, schedule);
  const parts = result.allocations.flatMap(({ group, chosen }) =>
    partsOf(chosen).map((part, position) => ({ name: partName(group, part, position), part })),
  );
  // Nodes hold pods.
  const shares = costShares(
    pools,
    new Map(parts.map(({ name, part }) => [name, podShape(part).gpusPerReplica])),
  );
  const groups = drafts
    .flatMap((draft): ReplicaGroupPlan[] => {
      const allocation = allocations.get(draft.name);
      if (!allocation) return [];
      const engine = spec.engines.find((candidate) => candidate.name === draft.engine);
      // What is two pools already needs no advice to become some.
      const disaggregated = draft.demand.disaggregated
        ? undefined
        : disaggregatedGroup(draft.demand, problem);
      return partsOf(allocation.chosen).map((part, position) => {
        const name = partName(draft.name, part, position);
        return groupPlan({
          draft,
          name,
          allocation,
          part,
          device: deviceOf(part.accelerator, hardware.accelerators),
          disaggregated,
          namespace: engine?.namespace ?? platformNamespace,
          usdPerHour: shares.get(name) ?? 0,
          nodePools: pools.filter((pool) => holds(pool.nodes, name)).map((pool) => pool.name),
          placement: parts.some((other) => isLarger(other.part, part)) ? "pack" : "spread",
        });
      });
    })
    .toSorted(byName);
  const engines = spec.engines
    .map((engine) => enginePlan(engine, platformNamespace, groups))
    .toSorted(byName);
  const servers = drafts
    .flatMap((draft) => serverPlans(draft, allocations.get(draft.name)))
    .toSorted((left, right) => (left.id < right.id ? -1 : 1));
  return {
    apiVersion: "domino-inference/v1",
    kind: "PlatformPlan",
    platform: spec.metadata.name,
    stage: spec.metadata.stage,
    catalog: { version: catalog.version, pricesAsOf: catalog.pricesAsOf, region: catalog.region },
    engines,
    groups,
    servers,
    nodePools: boundedNodes(pools, groups),
    // Karpenter cannot know what slices a node will have, and shares of CPU are no resource that it could limit.
    karpenterPools: karpenterPoolsOf(
      result.nodePools.filter(
        ({ accelerator }) => deviceOf(accelerator, hardware.accelerators) === undefined,
      ),
      hardware.instanceTypes,
    ),
    routes: routesOf({ engines, groups, servers }, spec),
    unplaced: unplacedPlans(result, drafts),
    scarce: result.scarce,
    namespaces: namespacePlans(platformNamespace, engines, groups, spec.proxy),
    totals: {
      usdPerHour: result.usdPerHour,
      lowerBoundUsdPerHour: result.lowerBoundUsdPerHour,
      nodes: pools.reduce((sum, pool) => sum + pool.desiredNodes, 0),
      gpus: pools.reduce(
        (sum, { desiredNodes, gpusPerNode, device }) => sum + cardsIn(desiredNodes * gpusPerNode, device),
        0,
      ),
      gpusUsed: groups.reduce(
        (sum, { replicas, gpusPerReplica, device }) => sum + cardsIn(replicas * gpusPerReplica, device),
        0,
      ),
      replicas: groups.reduce((sum, group) => sum + group.replicas, 0),
      servers: servers.length,
      serversPlaced: servers.filter((server) => server.group !== undefined).length,
      ...(sharing ? { sharing } : {}),
    },
    ...(schedule ? { schedule } : {}),
    ...(spec.budget === undefined ? {} : { budgetUsdPerHour: spec.budget }),
  };
}

/** What shared servers save; undefined where no servers are shared, or where models alone could not all be placed. */
function sharingPlan(
  drafts: readonly GroupDraft[],
  result: OptimizeResult,
  optimizeApart: () => OptimizeResult,
): PlanTotals["sharing"] {
  const shared = drafts.filter(
    ({ models, replicasFrom }) => models.length > 1 && replicasFrom === "optimizer",
  );
  if (shared.length === 0) return undefined;
  const separate = optimizeApart();
  if (separate.unplaced.length > 0 || result.unplaced.length > 0) return undefined;
  return {
    models: shared.reduce((sum, { models }) => sum + models.length, 0),
    groups: shared.length,
    separateUsdPerHour: separate.usdPerHour,
    savedUsdPerHour: separate.usdPerHour - result.usdPerHour,
  };
}

function scheduleOf(
  spec: PlatformSpec,
  drafts: readonly GroupDraft[],
  result: OptimizeResult,
  hardware: Hardware,
): SchedulePlan | undefined {
  const periods = dayPeriods(spec);
  if (!periods) return undefined;
  const groups = result.allocations.flatMap(({ group, chosen }): ScheduledGroup[] => {
    const draft = drafts.find(({ name }) => name === group);
    if (!draft) return [];
    return partsOf(chosen).map((part, position) => ({
      name: partName(group, part, position),
      chosen: part,
      ...draft.demand.resources(podShape(part)),
    }));
  });
  return schedulePlan(periods, groups, result.nodePools, hardware);
}

function requireCatalog(version: string): Catalog {
  const catalog = catalogOf(version);
  if (!catalog) {
    throw new PlatformError([
      { code: "SPEC_CATALOG_UNKNOWN", path: "catalog", message: `catalog "${version}"` },
    ]);
  }
  return catalog;
}

function isLarger(candidate: Candidate, than: Candidate): boolean {
  return (
    candidate.accelerator === than.accelerator &&
    podShape(candidate).gpusPerReplica > podShape(than).gpusPerReplica
  );
}

function holds(nodes: ReplicaNodes, group: string): boolean {
  return nodes.some((node) => node.replicas.some((replica) => replica.group === group));
}

type ReplicaNodes = PlatformPlan["nodePools"][number]["nodes"];

function enginePlan(
  engine: EngineSpec,
  platformNamespace: string,
  groups: readonly ReplicaGroupPlan[],
): EnginePlan {
  const type = engine.type as EngineType;
  return {
    name: engine.name,
    type,
    protocol: engineProfiles[type].protocol,
    namespace: engine.namespace ?? platformNamespace,
    image: engine.image ?? engineProfiles[type].image,
    pattern: engine.deployment ?? certain(engineProfiles[type].patterns[0]),
    loading: engine.loading ?? "preload",
    storage: modelStorage(engine, engineProfiles[type].storage),
    options: engineOptions(engine, type),
    groups: groups.filter((group) => group.engine === engine.name).map((group) => group.name),
  };
}

function serverPlans(draft: GroupDraft, allocation: GroupAllocation | undefined): ServerPlan[] {
  return draft.servers.map((server): ServerPlan => {
    const prediction = allocation?.chosen.predictions.find((one) => one.workload === server.id);
    return {
      ...server,
      task: draft.profile.task,
      ...(allocation ? { group: answeringGroup(draft.name, allocation.chosen) } : {}),
      ...(prediction
        ? { prediction: { ttft: prediction.ttft, itl: prediction.itl, latency: prediction.latency } }
        : {}),
    };
  });
}

/** The first part of a split, the pool that generates of two: the group that routes name. */
function answeringGroup(name: string, chosen: Candidate): string {
  const parts = partsOf(chosen);
  const position = Math.max(
    0,
    parts.findIndex(({ role }) => role === "decode"),
  );
  return partName(name, certain(parts[position]), position);
}

function unplacedPlans(result: OptimizeResult, drafts: readonly GroupDraft[]): UnplacedPlan[] {
  return result.unplaced.map(({ group, rejections }) => ({
    servers: workloadIds(drafts.find((draft) => draft.name === group)?.demand),
    misses: rejections,
  }));
}

function workloadIds(demand: GroupDemand | undefined): string[] {
  return demand?.workloads.map((workload) => workload.id) ?? [];
}

/** Names are unique in each list, so no two entries are equal. */
function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  return left.name < right.name ? -1 : 1;
}
