import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { list, record, records, text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";

/** Backends whose models need a GPU. */
const gpuBackends: readonly string[] = ["tensorrt", "tensorrtllm", "vllm"];

/** Where the plan may choose nodes without a GPU, a model that demands one would be refused by its server. */
export function deviceProblems(spec: Raw, options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const cpu = cpuAccelerators(spec)[0];
  if (cpu === undefined) return [];
  const backend = text(options.backend);
  const problem = (place: readonly PropertyKey[], what: string, allowed: string): RuleProblem => ({
    code: "SPEC_COMBINATION_UNSUPPORTED",
    path: [...path, ...place],
    message: `${what} needs a GPU, and accelerators.use lets the plan choose ${cpu}`,
    allowed,
    remedy: `Leave ${cpu} out of accelerators.use, or use what is allowed.`,
  });
  return [
    ...(backend !== undefined && gpuBackends.includes(backend)
      ? [problem(["backend"], `the backend ${backend}`, "onnxruntime, pytorch, openvino, python, fil")]
      : []),
    ...records(options.instances)
      .filter(({ entry }) => entry.kind === "gpu")
      .map(({ index }) => problem(["instances", index, "kind"], "an instance of kind gpu", "auto or cpu")),
  ];
}

/** Names that the spec allows and that stand for no GPU; by default there are none. */
function cpuAccelerators(spec: Raw): readonly string[] {
  const known = catalogOf(text(spec.catalog) ?? "")?.partial.accelerators ?? [];
  const { use } = record(spec.accelerators);
  return known
    .filter(({ name, device }) => device?.kind === "cpu" && list(use).includes(name))
    .map(({ name }) => name);
}
