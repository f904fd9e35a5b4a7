import { list, number, record, text } from "../../../spec/raw.ts";
import type { RuleProblem } from "../../../spec/rules.ts";
import { isOfRelease } from "../release.ts";
import { rawBackend, rawVersion, unsupported, type RawDynamoModel } from "./raw-model.ts";

/** What a backend cannot do, and whose release it must be of. */
export function backendProblems(model: RawDynamoModel): RuleProblem[] {
  return [
    ...releaseProblems(model),
    ...blockSizeProblems(model),
    ...imageProblems(model),
    ...adapterProblems(model),
    ...nodeProblems(model),
    ...modelExpressProblems(model),
  ];
}

/** Graphs of this form, and workers that take these arguments, are of 1.3 and later. */
function releaseProblems(model: RawDynamoModel): RuleProblem[] {
  const version = rawVersion(model);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (!(major < 1 || (major === 1 && minor < 3))) return [];
  return [
    unsupported(
      [...model.enginePath, "dynamo", "version"],
      `release ${version} has another form of graphs and other arguments of workers`,
      "1.3.0 or later; 1.3.1 and 1.6.1 were tried",
    ),
  ];
}

/** Blocks that vLLM has kernels for. */
const vllmBlockTokens: readonly number[] = [1, 8, 16, 32, 64, 128, 256];

function blockSizeProblems(model: RawDynamoModel): RuleProblem[] {
  const tokens = number(model.options.kvBlockSize);
  if (tokens === undefined || rawBackend(model) !== "vllm" || vllmBlockTokens.includes(tokens)) return [];
  return [
    unsupported(
      [...model.optionsPath, "kvBlockSize"],
      `vLLM has no blocks of ${tokens} tokens`,
      vllmBlockTokens.join(", "),
    ),
  ];
}

function imageProblems(model: RawDynamoModel): RuleProblem[] {
  const image = text(record(model.options.backend).image);
  const version = rawVersion(model);
  if (image === undefined || isOfRelease(image, version)) return [];
  return [
    unsupported(
      [...model.optionsPath, "backend", "image"],
      `"${image}" is not of release ${version}, which chart, operator and frontend are of`,
      `a tag ${version} or ${version}-…, or that version as dynamo.version of the engine`,
    ),
  ];
}

const adapterFlag = /^--(?:enable[-_]lora|lora|max[-_]lora)/;
const adapterKey = /^(?:enable[-_]lora|lora|max[-_]lora)/;

/** Dynamo hands adapters only to vLLM. */
function adapterProblems(model: RawDynamoModel): RuleProblem[] {
  const backend = rawBackend(model);
  if (backend === "vllm") return [];
  const problem = (path: readonly PropertyKey[], at: "key" | "value") =>
    unsupported(path, `adapters (LoRA) on ${backend}`, "dynamo.backend.type: vllm", at);
  const places = [
    { args: model.engine.arguments, path: [...model.enginePath, "arguments"] },
    { args: model.model.arguments, path: [...model.path, "arguments"] },
  ];
  return [
    ...places.flatMap(({ args, path }) =>
      list(args).flatMap((argument, index) =>
        typeof argument === "string" && adapterFlag.test(argument)
          ? [problem([...path, index], "value")]
          : [],
      ),
    ),
    ...(["decode", "prefill"] as const).flatMap((role) =>
      Object.keys(record(record(record(model.options[role]).extraConfig).config))
        .filter((key) => adapterKey.test(key))
        .map((key) => problem([...model.optionsPath, role, "extraConfig", "config", key], "key")),
    ),
  ];
}

/** What starts the processes of a replica on several nodes differs by backend, and not all of it is at hand. */
function nodeProblems(model: RawDynamoModel): RuleProblem[] {
  const nodes = number(model.model.nodesPerReplica) ?? 1;
  const path = [...model.path, "nodesPerReplica"];
  if (nodes <= 1) return [];
  switch (rawBackend(model)) {
    case "sglang":
      return [];
    case "trtllm":
      return [
        unsupported(
          path,
          `TensorRT-LLM on ${nodes} nodes starts over SSH, which no pod of the platform runs`,
          "1, or dynamo.backend.type: sglang",
        ),
      ];
    case "vllm":
      // Of its two ways to start, one needs Ray, which the release's image does not bring; in the other the operator adds
      // a container that Pod Security restricted refuses.
      return record(model.options.backend).image === undefined
        ? [
            unsupported(
              path,
              `vLLM on ${nodes} nodes starts by Ray under this operator, and the release's image has none`,
              "1; dynamo.backend.type: sglang; an image with Ray as dynamo.backend.image; or an engine of type vllm",
            ),
          ]
        : [];
  }
}

function modelExpressProblems(model: RawDynamoModel): RuleProblem[] {
  if (model.engineOptions.modelExpress === undefined) return [];
  const backend = rawBackend(model);
  const path = [...model.enginePath, "dynamo", "modelExpress"];
  if (backend !== "vllm") {
    return [
      unsupported(
        path,
        `Model Express hands weights to vLLM only, and a model runs on ${backend}`,
        "vllm",
        "key",
      ),
    ];
  }
  const storage = model.engine.storage;
  const hub = text(storage)?.startsWith("hf://") ?? record(storage).huggingFace !== undefined;
  if (!hub || model.model.version === "main") return [];
  return [
    unsupported(
      [...model.path, model.model.versions === undefined ? "version" : "versions"],
      "Model Express fetches the newest revision of a repository, whatever version it is asked for",
      "version: main, storage that is mounted, or no dynamo.modelExpress",
      "key",
    ),
  ];
}
