import type { Accelerator, Catalog } from "../../optimizer/catalog/catalog.ts";
import type { DayPeriod, GroupDemand, Slo, Workload } from "../../optimizer/workload.ts";
import type { EngineProfile } from "../engines/engine-profile.ts";
import type { EngineType } from "../engines/registry.ts";
import { engineProfiles } from "../engines/registry.ts";
import { groupName, groupNameMaxLength, sharedGroupName } from "../spec/group-name.ts";
import { defaultServiceClass } from "../spec/rules/service-classes.ts";
import type { EngineSpec, ModelSpec, PlatformSpec } from "../spec/schema.ts";
import { dayPeriods } from "./day-periods.ts";
import { modelOptions } from "./engine-options.ts";
import { groupRuntime, type GroupRuntime } from "./group-runtime.ts";
import { replicaResources } from "./devices.ts";
import { modelKnowledge } from "./model-knowledge.ts";
import type { ServerPlan } from "./platform-plan.ts";
import { replicaLayout } from "./replica-layout.ts";
import { together, type Sharing } from "./sharing.ts";

/** A pair of model version and service class, before it is placed. */
export type ServerDraft = Omit<ServerPlan, "task" | "group" | "prediction">;

/** A replica group before sizing: its servers and what the optimizer is asked. */
export interface GroupDraft {
  readonly name: string;
  readonly engine: string;
  readonly engineType: EngineType;
  readonly profile: EngineProfile;
  readonly models: readonly {
    readonly name: string;
    readonly versions: readonly { readonly version: string; readonly weight: number }[];
    /** Longest sequence of the network; absent where only measurements are given. */
    readonly maxSequenceTokens?: number;
    /** Longest sequence that the load asks for. */
    readonly loadSequenceTokens: number;
    /** The engine's own options of the model. */
    readonly options: object;
  }[];
  readonly runtime: GroupRuntime;
  readonly servers: readonly ServerDraft[];
  readonly replicasFrom: "spec" | "optimizer";
  readonly demand: GroupDemand;
}

/** One server with the model it belongs to and the group it falls into. */
interface Placed {
  readonly server: ServerDraft;
  readonly model: ModelSpec;
  readonly weight: number;
  /** Factor on the rate in each hour of the day; absent where it is the same all day. */
  readonly daily?: readonly number[];
  readonly group: string;
}

/**
 * Cuts a spec into replica groups, in the order of the spec.
 *
 * @param sharing which models of an engine share its servers, where the engine can hold several
 */
export function groupDrafts(
  spec: PlatformSpec,
  catalog: Catalog,
  accelerators: readonly Accelerator[],
  sharing: Sharing = together,
): GroupDraft[] {
  const periods = dayPeriods(spec);
  const surroundings = { catalog, accelerators, ...(periods ? { periods } : {}) };
  return spec.engines.flatMap((engine) => {
    const type = engine.type as EngineType;
    const placed = engine.models.flatMap((model) => serversOf(spec, engine, type, model));
    if (engineProfiles[type].replicasPer === "engine") {
      return sharedDrafts(engine, type, placed, surroundings, sharing, reservedNames(spec));
    }
    const byGroup = Map.groupBy(placed, ({ group }) => group);
    return [...byGroup].map(([name, own]) => groupDraft(engine, type, name, own, surroundings));
  });
}

/** Names of engines are names of groups; an engine whose models do not share servers must not take another's. */
function reservedNames(spec: PlatformSpec): ReadonlySet<string> {
  return new Set(
    spec.engines.flatMap((engine) => [
      engine.name,
      ...engine.models.flatMap((model) =>
        serversOf(spec, engine, engine.type as EngineType, model).map(({ group }) => group),
      ),
    ]),
  );
}

function sharedDrafts(
  engine: EngineSpec,
  type: EngineType,
  placed: readonly Placed[],
  surroundings: Surroundings,
  sharing: Sharing,
  reserved: ReadonlySet<string>,
): GroupDraft[] {
  const draftOf = (name: string, models: readonly ModelSpec[]) =>
    groupDraft(
      engine,
      type,
      name,
      placed.filter(({ model }) => models.includes(model)),
      surroundings,
    );
  const joint = [draftOf(engine.name, engine.models)];
  // A count in the spec is one for all models, and the proxy loads on demand into one server.
  if (engine.replicas !== undefined || engine.loading === "on-demand") return joint;
  const { staysWithOthers } = engineProfiles[type];
  if (staysWithOthers && engine.models.some((model) => staysWithOthers(modelOptions(model, type))))
    return joint;
  const arrangement = sharing(engine.models, (models) => draftOf(engine.name, models).demand);
  if (arrangement.length === 1) return joint;
  const named = arrangement
    .map((models) => models.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    .toSorted((a, b) => (certainName(a) < certainName(b) ? -1 : 1))
    .map((models, position) => ({
      models,
      name: position === 0 ? engine.name : sharedGroupName(engine.name, certainName(models)),
    }));
  const names = named.slice(1).map(({ name }) => name);
  const usable =
    new Set(names).size === names.length &&
    names.every((name) => name.length <= groupNameMaxLength && !reserved.has(name));
  return usable ? named.map(({ name, models }) => draftOf(name, models)) : joint;
}

function certainName(models: readonly ModelSpec[]): string {
  const [first] = models;
  if (!first) throw new RangeError("a server without models");
  return first.name;
}

function serversOf(spec: PlatformSpec, engine: EngineSpec, type: EngineType, model: ModelSpec): Placed[] {
  const versions = model.versions ?? [{ version: model.version ?? "1", weight: 100 }];
  return versions.flatMap(({ version, weight }, position) =>
    model.traffic.map((traffic): Placed => {
      const serviceClass = traffic.serviceClass ?? defaultServiceClass.name;
      const priority =
        spec.serviceClasses?.find((known) => known.name === serviceClass)?.priority ??
        defaultServiceClass.priority;
      const { rate, daily, inputTokens, outputTokens, outputDistribution } = traffic.load;
      return {
        model,
        weight,
        ...(daily ? { daily } : {}),
        group: groupName(type, engine.name, {
          name: model.name,
          serviceClass,
          // The first one keeps the name that it has alone: a canary comes beside it and goes again.
          ...(position > 0 ? { canaryVersion: version } : {}),
        }),
        server: {
          id: `${engine.name}/${model.name}/${version}/${serviceClass}`,
          engine: engine.name,
          model: model.name,
          version,
          serviceClass,
          priority,
          slo: sloOf(traffic.slo ?? {}),
          load: {
            requestsPerMinute: (rate * Math.max(...(daily ?? [1])) * weight) / 100,
            // One forward pass a request: the queueing model's "one token in, one token out".
            inputTokens: inputTokens ?? 1,
            outputTokens: outputTokens ?? 1,
            ...(outputDistribution === undefined ? {} : { outputDistribution }),
          },
        },
      };
    }),
  );
}

function sloOf(slo: NonNullable<ModelSpec["traffic"][number]["slo"]>): Slo {
  return {
    ...(slo.ttftMean === undefined ? {} : { ttftMeanMs: slo.ttftMean }),
    ...(slo.ttftP95 === undefined ? {} : { ttftP95Ms: slo.ttftP95 }),
    ...(slo.itlMean === undefined ? {} : { itlMeanMs: slo.itlMean }),
    ...(slo.itlP95 === undefined ? {} : { itlP95Ms: slo.itlP95 }),
    ...(slo.latencyMean === undefined ? {} : { latencyMeanMs: slo.latencyMean }),
    ...(slo.latencyP95 === undefined ? {} : { latencyP95Ms: slo.latencyP95 }),
  };
}

/** What all groups of a platform have in common. */
interface Surroundings {
  readonly catalog: Catalog;
  readonly accelerators: readonly Accelerator[];
  /** Hours at which loads change; absent where none does. */
  readonly periods?: readonly number[];
}

function groupDraft(
  engine: EngineSpec,
  type: EngineType,
  name: string,
  placed: readonly Placed[],
  { catalog, accelerators, periods }: Surroundings,
): GroupDraft {
  const profile = engineProfiles[type];
  const models = [...new Set(placed.map((entry) => entry.model))].map((model) => {
    const own = placed.filter((entry) => entry.model === model);
    const sequence = {
      inputTokens: Math.max(...own.map((entry) => entry.server.load.inputTokens)),
      outputTokens: Math.max(...own.map((entry) => entry.server.load.outputTokens)),
    };
    return {
      model,
      own,
      sequence,
      knowledge: modelKnowledge(model, profile, catalog, accelerators, sequence),
    };
  });
  const keyValueGiBPerToken = models.length === 1 ? models[0]?.knowledge.keyValueGiBPerToken : undefined;
  const batchSizes = models.flatMap(({ model }) => model.maxBatchSize ?? []);
  // An on-demand engine has one replica: the proxy could not tell which replica behind its Service holds a model.
  const replicas =
    engine.replicas ??
    (profile.replicasPer === "model" ? models[0]?.model.replicas : undefined) ??
    (engine.loading === "on-demand" ? 1 : undefined);
  const runtime = groupRuntime(engine, profile.replicasPer === "model" ? models[0]?.model : undefined);
  return {
    name,
    engine: engine.name,
    engineType: type,
    profile,
    models: models.map(({ model, own, sequence, knowledge }) => ({
      name: model.name,
      versions: [...new Map(own.map(({ server, weight }) => [server.version, weight]))].map(
        ([version, weight]) => ({
          version,
          weight,
        }),
      ),
      loadSequenceTokens: sequence.inputTokens + sequence.outputTokens,
      options: modelOptions(model, type),
      ...(knowledge.maxSequenceTokens === undefined
        ? {}
        : { maxSequenceTokens: knowledge.maxSequenceTokens }),
    })),
    servers: placed.map((entry) => entry.server),
    runtime,
    replicasFrom: replicas === undefined ? "optimizer" : "spec",
    demand: {
      id: name,
      workloads: placed.map(({ server }): Workload => ({
        id: server.id,
        model: server.model,
        priority: server.priority,
        slo: server.slo,
        load: server.load,
        // Classes share a model's queue; versions of a model are loaded side by side, each with a queue of its own.
        batchKey: `${server.model}/${server.version}`,
      })),
      task: profile.task,
      ...(keyValueGiBPerToken === undefined ? {} : { keyValueGiBPerToken }),
      ...(profile.maxBatchedTokens === undefined ? {} : { maxBatchedTokens: profile.maxBatchedTokens }),
      ...(periods && placed.some(({ daily }) => daily) ? { periods: periodLoads(periods, placed) } : {}),
      profiles: models.flatMap(({ knowledge }) => knowledge.profiles),
      excluded: models.flatMap(({ knowledge }) => knowledge.excluded),
      // No smaller than what an autoscaler keeps: its nodes are there all the time.
      minReplicas: Math.max(1, runtime.autoscaling?.minReplicas ?? 1),
      ...(models.some(({ model }) => model.splitAccelerators) && hasRoomForParts(name, accelerators)
        ? { maySplit: true }
        : {}),
      ...replicaLayout(profile, models[0]?.model, type),
      weightCopies: Object.fromEntries(
        models.map(({ model, own }) => [model.name, new Set(own.map(({ server }) => server.version)).size]),
      ),
      ...(replicas === undefined ? {} : { fixedReplicas: replicas }),
      ...(batchSizes.length > 0 ? { maxBatchSize: Math.min(...batchSizes) } : {}),
      resources: replicaResources(profile, accelerators),
    },
  };
}

/** Loads of the servers in each period; `daily` is constant within one. */
function periodLoads(periods: readonly number[], placed: readonly Placed[]): readonly DayPeriod[] {
  return periods.map((fromHour) => ({
    fromHour,
    requestsPerMinute: Object.fromEntries(
      placed.map(({ server, daily }) => {
        const { requestsPerMinute } = server.load;
        const busiest = Math.max(...(daily ?? [1]));
        const share = daily && busiest > 0 ? (daily[fromHour] ?? 0) / busiest : 1;
        return [server.id, requestsPerMinute * share];
      }),
    ),
  }));
}

/** The second part of a split is named after its accelerator too. */
function hasRoomForParts(name: string, accelerators: readonly Accelerator[]): boolean {
  return accelerators.every((accelerator) => `${name}-${accelerator.name}`.length <= groupNameMaxLength);
}
