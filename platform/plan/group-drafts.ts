import type { Accelerator, Catalog } from "../../optimizer/catalog/catalog.ts";
import type { GroupDemand, Slo, Workload } from "../../optimizer/workload.ts";
import type { EngineProfile } from "../engines/engine-profile.ts";
import type { EngineType } from "../engines/engine-type.ts";
import { engineProfiles } from "../engines/registry.ts";
import { groupName } from "../spec/group-name.ts";
import { defaultServiceClass } from "../spec/rules/service-classes.ts";
import type { EngineSpec, ModelSpec, PlatformSpec } from "../spec/schema.ts";
import { modelKnowledge } from "./model-knowledge.ts";
import type { ServerPlan } from "./platform-plan.ts";

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
  }[];
  readonly servers: readonly ServerDraft[];
  readonly replicasFrom: "spec" | "optimizer";
  readonly demand: GroupDemand;
}

/** One server with the model it belongs to and the group it falls into. */
interface Placed {
  readonly server: ServerDraft;
  readonly model: ModelSpec;
  readonly weight: number;
  readonly group: string;
}

/** Cuts a spec into replica groups, in the order of the spec. */
export function groupDrafts(
  spec: PlatformSpec,
  catalog: Catalog,
  accelerators: readonly Accelerator[],
): GroupDraft[] {
  return spec.engines.flatMap((engine) => {
    const type = engine.type as EngineType;
    const placed = engine.models.flatMap((model) => serversOf(spec, engine, type, model));
    const names = [...new Set(placed.map((entry) => entry.group))];
    return names.map((name) =>
      groupDraft(
        engine,
        type,
        name,
        placed.filter((entry) => entry.group === name),
        catalog,
        accelerators,
      ),
    );
  });
}

function serversOf(spec: PlatformSpec, engine: EngineSpec, type: EngineType, model: ModelSpec): Placed[] {
  const versions = model.versions ?? [{ version: model.version ?? "1", weight: 100 }];
  return versions.flatMap(({ version, weight }) =>
    model.traffic.map((traffic): Placed => {
      const serviceClass = traffic.serviceClass ?? defaultServiceClass.name;
      const priority =
        spec.serviceClasses?.find((known) => known.name === serviceClass)?.priority ??
        defaultServiceClass.priority;
      return {
        model,
        weight,
        group: groupName(type, engine.name, {
          name: model.name,
          serviceClass,
          ...(model.versions ? { canaryVersion: version } : {}),
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
            requestsPerMinute: (traffic.load.rate * weight) / 100,
            // One forward pass a request: the queueing model's "one token in, one token out".
            inputTokens: traffic.load.inputTokens ?? 1,
            outputTokens: traffic.load.outputTokens ?? 1,
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

function groupDraft(
  engine: EngineSpec,
  type: EngineType,
  name: string,
  placed: readonly Placed[],
  catalog: Catalog,
  accelerators: readonly Accelerator[],
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
  const batchSizes = models.flatMap(({ model }) => model.maxBatchSize ?? []);
  // An on-demand engine has one replica: the proxy could not tell which replica behind its Service holds a model.
  const replicas =
    engine.replicas ??
    (profile.replicasPer === "model" ? models[0]?.model.replicas : undefined) ??
    (engine.loading === "on-demand" ? 1 : undefined);
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
      ...(knowledge.maxSequenceTokens === undefined
        ? {}
        : { maxSequenceTokens: knowledge.maxSequenceTokens }),
    })),
    servers: placed.map((entry) => entry.server),
    replicasFrom: replicas === undefined ? "optimizer" : "spec",
    demand: {
      id: name,
      workloads: placed.map(({ server }): Workload => ({
        id: server.id,
        model: server.model,
        priority: server.priority,
        slo: server.slo,
        load: server.load,
      })),
      profiles: models.flatMap(({ knowledge }) => knowledge.profiles),
      excluded: models.flatMap(({ knowledge }) => knowledge.excluded),
      minReplicas: 1,
      weightCopies: Object.fromEntries(
        models.map(({ model, own }) => [model.name, new Set(own.map(({ server }) => server.version)).size]),
      ),
      ...(replicas === undefined ? {} : { fixedReplicas: replicas }),
      ...(batchSizes.length > 0 ? { maxBatchSize: Math.min(...batchSizes) } : {}),
      resources: profile.resources,
    },
  };
}
