import { stringify } from "yaml";
import type { ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { defaultExtraConfigPath, type DynamoModelOptions, type ExtraConfig } from "./model-options.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** A file with configuration of a worker's engine, which the worker's arguments name: the runtime looks for none. */
export type EngineConfigFile =
  /** In a ConfigMap that comes from the plan. */
  | {
      readonly kind: "written";
      readonly path: string;
      readonly content: Readonly<Record<string, unknown>>;
    }
  /** In a ConfigMap that is there already. */
  | { readonly kind: "referenced"; readonly path: string; readonly name: string; readonly key: string }
  /** In the worker's image. */
  | { readonly kind: "present"; readonly path: string };

/** Key of the ConfigMaps that come from the plan. */
export const writtenConfigKey = "config.yaml";

/** ConfigMap of a group's workers. */
export function writtenConfigName(group: Pick<ReplicaGroupPlan, "name">): string {
  return `${group.name}-engine-config`;
}

/** The configuration file of a worker; undefined where it needs none. */
export function engineConfigFile(
  options: DynamoModelOptions,
  settings: WorkerSettings,
): EngineConfigFile | undefined {
  const given = (settings.role === "prefill" ? options.prefill : options.decode)?.extraConfig;
  const reference = given?.configMapRef;
  if (given && reference !== undefined) {
    const { name, key } =
      typeof reference === "string" ? { name: reference, key: writtenConfigKey } : reference;
    return { kind: "referenced", path: given.path, name, key };
  }
  if (given && given.config === undefined) return { kind: "present", path: given.path };
  if (options.backend.type === "trtllm") return trtllmConfig(given, settings);
  return given?.config ? { kind: "written", path: given.path, content: given.config } : undefined;
}

/** TensorRT-LLM has no arguments for some of what a graph needs, so that its workers always have a file. */
function trtllmConfig(given: ExtraConfig | undefined, settings: WorkerSettings): EngineConfigFile {
  const own = given?.config ?? {};
  const cache = own["kv_cache_config"];
  return {
    kind: "written",
    path: given?.path ?? defaultExtraConfigPath,
    content: {
      ...(settings.role === undefined ? {} : { cache_transceiver_config: { backend: "DEFAULT" } }),
      // Workers that only read prompts cannot overlap their iterations.
      ...(settings.role === "prefill" ? { disable_overlap_scheduler: true } : {}),
      ...own,
      kv_cache_config: {
        ...(typeof cache === "object" && !Array.isArray(cache) ? cache : {}),
        tokens_per_block: settings.blockTokens,
        enable_block_reuse: settings.prefixCaching,
      },
    },
  };
}

/** The text of a file that comes from the plan. */
export function configText(content: Readonly<Record<string, unknown>>): string {
  return stringify(content, { sortMapEntries: true });
}
