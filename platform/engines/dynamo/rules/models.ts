import { catalogOf } from "../../../../optimizer/catalog/registry.ts";
import { number, record, text } from "../../../spec/raw.ts";
import type { RuleProblem } from "../../../spec/rules.ts";
import { dividesHeads } from "../../../../optimizer/profiles/tensor-parallel.ts";
import { rawBackend, unsupported, type RawDynamoModel } from "./raw-model.ts";

/** Which model it is, and how it can be shared out. */
export function modelProblems(model: RawDynamoModel): RuleProblem[] {
  return [...identityProblems(model), ...headProblems(model)];
}

/** `model.name` is an id of the hub; elsewhere the folder has the spec's name. */
function identityProblems({ engine, model, options, optionsPath }: RawDynamoModel): RuleProblem[] {
  const id = text(record(options.model).name);
  const name = text(model.name);
  if (id === undefined || name === undefined || id === name) return [];
  const storage = text(engine.storage);
  const organisation = storage?.startsWith("hf://")
    ? storage.slice("hf://".length)
    : text(record(engine.storage).huggingFace);
  const path = [...optionsPath, "model", "name"];
  if (organisation === undefined) {
    return [
      unsupported(
        path,
        `"${id}" is the id of another model than "${name}", which the storage holds`,
        `"${name}"`,
      ),
    ];
  }
  return id.startsWith(`${organisation}/`)
    ? []
    : [unsupported(path, `"${id}" is not of ${organisation}, where the storage is`, `${organisation}/…`)];
}

/** Where the spec fixes the shape; the optimizer chooses only shapes that work. */
function headProblems(raw: RawDynamoModel): RuleProblem[] {
  const { spec, model, path } = raw;
  const nodes = number(model.nodesPerReplica) ?? 1;
  const all = number(model.gpusPerReplica) ?? 1;
  // SGLang shares the heads out over all nodes, vLLM over the GPUs of each.
  const gpus = rawBackend(raw) === "sglang" ? all : all / nodes;
  const written = record(model.architecture);
  const catalog = catalogOf(text(spec.catalog) ?? "");
  const known = catalog?.models.find(({ name }) => name === (text(model.base) ?? text(model.name)));
  const kvHeads = model.architecture === undefined ? known?.kvHeadCount : number(written.kvHeads);
  if (kvHeads === undefined || kvHeads < 1 || !Number.isInteger(gpus) || gpus < 1) return [];
  const attentionHeadCount = number(written.attentionHeads);
  const divides = (cards: number) =>
    dividesHeads(
      { kvHeadCount: kvHeads, ...(attentionHeadCount === undefined ? {} : { attentionHeadCount }) },
      cards,
    );
  if (divides(gpus)) return [];
  let fewer = gpus - 1;
  while (!divides(fewer)) fewer--;
  return [
    unsupported(
      [...path, "gpusPerReplica"],
      `${kvHeads} key/value heads cannot be shared out equally over ${gpus} GPUs`,
      `${fewer * (all / gpus)}, the next lower number`,
    ),
  ];
}
