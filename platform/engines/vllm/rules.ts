import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { list, number, record, records, text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import type { EngineRuleContext } from "../engine-profile.ts";
import { refusedEnvironment } from "../extra-environment.ts";
import { chartEnvironment } from "./chart-environment.ts";
import { headsDivisible, nearestDivisible, type AttentionHeads } from "./tensor-parallel.ts";

/** What vLLM cannot do together, on raw values. */
export function vllmProblems(engine: Raw, { spec, path }: EngineRuleContext): RuleProblem[] {
  const models = records(engine.models);
  const taken = new Set(models.flatMap(({ entry }) => text(entry.name) ?? []));
  return models.flatMap(({ entry: model, index }) => {
    const here = [...path, "models", index];
    const options = record(model.vllm);
    const optionsPath = [...here, "vllm"];
    return [
      ...adapterProblems(engine, options, optionsPath),
      ...nameProblems(options, optionsPath, taken),
      ...numberFormatProblems(spec, options, optionsPath),
      ...sequenceProblems(spec, model, options, optionsPath),
      ...headProblems(spec, model, here),
      ...chartProblems(engine, model, here),
    ];
  });
}

function adapterProblems(engine: Raw, options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const adapters = records(options.loraAdapters);
  if (adapters.length === 0) {
    return options.maxLoraRank === undefined
      ? []
      : [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: [...path, "maxLoraRank"],
            atKey: true,
            message: "maxLoraRank is given without adapters",
            allowed: "maxLoraRank beside loraAdapters",
          },
        ];
  }
  const access = s3Access(engine.storage);
  if (access === "stream" || access === "copy") {
    return [
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: [...path, "loraAdapters"],
        atKey: true,
        message:
          access === "stream"
            ? "vLLM streams the weights of a model from S3, and reads adapters from a folder only"
            : "what is copied from S3 before the start are the versions of the model, without adapters",
        allowed: "storage {s3: …, access: mount}, a dataset, a claim, FSx, an image or the hub",
      },
    ];
  }
  if (!isHub(engine.storage)) return [];
  return adapters.flatMap(({ entry, index }): RuleProblem[] =>
    text(entry.path)?.includes("/")
      ? [
          {
            code: "SPEC_COMBINATION_UNSUPPORTED",
            path: [...path, "loraAdapters", index, "path"],
            message: `"${text(entry.path) ?? ""}" is a folder, and on the hub an adapter is a repository`,
            allowed: "the name of a repository of the same organisation",
          },
        ]
      : [],
  );
}

/** `stream` where the spec gives only the address, as the profile has it. */
function s3Access(storage: unknown): string | undefined {
  const url = text(storage);
  return url === undefined ? text(record(storage).access) : url.startsWith("s3://") ? "stream" : undefined;
}

function isHub(storage: unknown): boolean {
  return text(storage)?.startsWith("hf://") ?? record(storage).huggingFace !== undefined;
}

/**
 * Of two things with one name a client gets one, and nobody knows which.
 *
 * @param taken names of the engine's models, and those that were seen before; those of this model are added
 */
function nameProblems(options: Raw, path: readonly PropertyKey[], taken: Set<string>): RuleProblem[] {
  const named = [
    ...list(options.servedNames).map((name, index) => ({ name, at: ["servedNames", index] })),
    ...records(options.loraAdapters).map(({ entry, index }) => ({
      name: entry.name,
      at: ["loraAdapters", index, "name"],
    })),
  ];
  return named.flatMap(({ name, at }): RuleProblem[] => {
    if (typeof name !== "string") return [];
    const isTaken = taken.has(name);
    taken.add(name);
    return isTaken
      ? [
          {
            code: "SPEC_NAME_DUPLICATE",
            path: [...path, ...at],
            message: `"${name}" is another name of this engine`,
            allowed: "names that differ among the engine's models, their servedNames and loraAdapters",
          },
        ]
      : [];
  });
}

/** The one card of the catalog that is older than the number formats which vLLM refuses there, at its start. */
const oldCard = "T4";

function numberFormatProblems(spec: Raw, options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const used = record(spec.accelerators).use;
  if (used !== undefined && !list(used).includes(oldCard)) return [];
  const unsupported = (key: string, format: string, instead: string): RuleProblem => ({
    code: "SPEC_COMBINATION_UNSUPPORTED",
    path: [...path, key],
    message: `${format} is beyond ${oldCard}, which the plan may choose`,
    allowed: `${instead}, or accelerators.use without ${oldCard}`,
  });
  const cacheFormat = text(options.kvCacheDtype);
  return [
    ...(options.dtype === "bfloat16" ? [unsupported("dtype", "bfloat16", "float16, auto")] : []),
    ...(cacheFormat?.startsWith("fp8")
      ? [unsupported("kvCacheDtype", `a KV cache in ${cacheFormat}`, "auto")]
      : []),
  ];
}

/** A request that the traffic names must fit, and positions beyond the network's mean nothing to it. */
function sequenceProblems(spec: Raw, model: Raw, options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const given = number(options.maxSequenceTokens);
  if (given === undefined) return [];
  const conflict = (message: string, allowed: string): RuleProblem => ({
    code: "SPEC_VALUE_CONFLICT",
    path: [...path, "maxSequenceTokens"],
    message,
    allowed,
  });
  const most = number(record(model.architecture).maxSequenceTokens) ?? known(spec, model)?.maxSequenceTokens;
  if (most !== undefined && given > most) {
    return [conflict(`the model's network takes no sequence of ${given} tokens`, `at most ${most}`)];
  }
  const longest = Math.max(
    0,
    ...records(model.traffic).map(({ entry }) => {
      const load = record(entry.load);
      return (number(load.inputTokens) ?? 0) + (number(load.outputTokens) ?? 0);
    }),
  );
  return given < longest
    ? [conflict(`the traffic has requests of ${longest} tokens`, `at least ${longest}`)]
    : [];
}

/** Where the spec fixes the shape; the optimizer chooses only shapes that work. */
function headProblems(spec: Raw, model: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const nodes = number(model.nodesPerReplica) ?? 1;
  const gpus = (number(model.gpusPerReplica) ?? 1) / nodes;
  const heads = attentionHeads(spec, model);
  // Fractions are refused for themselves.
  if (heads === undefined || !Number.isInteger(gpus) || gpus < 1 || headsDivisible(heads, gpus)) return [];
  return [
    {
      code: "SPEC_COMBINATION_UNSUPPORTED",
      path: [...path, "gpusPerReplica"],
      message: `${headsText(heads)} cannot be shared out equally over ${gpus} GPUs of a node`,
      allowed: `${nearestDivisible(heads, gpus) * nodes}, which is nearest`,
    },
  ];
}

function headsText({ attentionHeads, kvHeads }: AttentionHeads): string {
  return attentionHeads === undefined
    ? `${kvHeads} key/value heads`
    : `${attentionHeads} attention heads with ${kvHeads} key/value heads`;
}

function attentionHeads(spec: Raw, model: Raw): AttentionHeads | undefined {
  const written = record(model.architecture);
  const kvHeads = number(written.kvHeads) ?? known(spec, model)?.kvHeadCount;
  return kvHeads === undefined || kvHeads < 1
    ? undefined
    : { attentionHeads: number(written.attentionHeads), kvHeads };
}

function known(spec: Raw, model: Raw) {
  if (model.architecture !== undefined) return undefined;
  const name = text(model.base) ?? text(model.name);
  return catalogOf(text(spec.catalog) ?? "")?.models.find((candidate) => candidate.name === name);
}

/** What the chart has no values for. */
function chartProblems(engine: Raw, model: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  if (engine.deployment !== "helm") return [];
  const unsupported = (key: readonly PropertyKey[], message: string, allowed: string): RuleProblem => ({
    code: "SPEC_COMBINATION_UNSUPPORTED",
    path: [...path, ...key],
    message,
    allowed,
  });
  const nodes = number(model.nodesPerReplica) ?? 1;
  const environment = { ...record(engine.environment), ...record(model.environment) };
  return [
    ...refusedEnvironment(environment, chartEnvironment)
      .filter(({ name }) => name in chartEnvironment)
      .map(({ name, reason }) =>
        unsupported(
          name in record(model.environment) ? ["environment", name] : [],
          `the variable ${name} ${reason}`,
          "deployment: standalone, or no such variable",
        ),
      ),
    ...(nodes > 1
      ? [
          unsupported(
            ["nodesPerReplica"],
            `a replica of the chart cannot span ${nodes} nodes without a Ray cluster`,
            "deployment: standalone, which makes a LeaderWorkerSet",
          ),
        ]
      : []),
    ...(record(model.autoscaling ?? engine.autoscaling).scaler === "hpa"
      ? [
          unsupported(
            model.autoscaling === undefined ? [] : ["autoscaling", "scaler"],
            "the chart would set the replicas back that an autoscaler of its own does not own",
            "keda, or deployment: standalone",
          ),
        ]
      : []),
  ];
}
