import { record, text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import { unknownName } from "../../spec/nearest.ts";
import { tritonImage } from "./image.ts";

/** What NVIDIA's images have in common: their name, and a tag that says which backends are inside. */
const nvidiaImage = /(?:^|\/)nvidia\/tritonserver:\d\d\.\d\d-([a-z0-9-]+?)(?:@|$)/;

/** Backends in each of NVIDIA's images, by the end of its tag. Others are not looked into. */
const backendsByVariant: Readonly<Record<string, readonly string[]>> = {
  py3: ["onnxruntime", "pytorch", "tensorrt", "python", "openvino", "fil", "dali"],
  "vllm-python-py3": ["vllm", "python"],
  "trtllm-python-py3": ["tensorrtllm", "python"],
};

const variantOf: Readonly<Record<string, string>> = {
  vllm: "vllm-python-py3",
  tensorrtllm: "trtllm-python-py3",
};

/** A backend that the image lacks fails when the model is loaded, on a node that was bought for it. */
export function backendProblems(
  options: Raw,
  image: string | undefined,
  path: readonly PropertyKey[],
): RuleProblem[] {
  const backend = text(options.backend);
  if (backend === undefined) return pythonParameterProblems(options, undefined, path);
  const used = image ?? tritonImage;
  const backends = backendsByVariant[nvidiaImage.exec(used)?.[1] ?? ""];
  if (backends && !backends.includes(backend)) {
    const variant = variantOf[backend];
    return [
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: [...path, "backend"],
        message: `${unknownName("backend", backend, backends)} in ${used}`,
        allowed: backends.join(", "),
        remedy:
          variant === undefined
            ? "Set image of the engine to one that has the backend."
            : `Set image of the engine to one whose tag ends in ${variant}.`,
      },
    ];
  }
  return pythonParameterProblems(options, backend, path);
}

/** Parameters that only the Python backend reads. */
function pythonParameterProblems(
  options: Raw,
  backend: string | undefined,
  path: readonly PropertyKey[],
): RuleProblem[] {
  const name = "EXECUTION_ENV_PATH";
  const environment = text(record(options.parameters)[name]);
  if (environment === undefined) return [];
  const place = [...path, "parameters", name];
  if (backend !== undefined && backend !== "python") {
    return [
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: place,
        atKey: true,
        message: `${name} is an environment of Python, which the backend ${backend} does not run`,
        allowed: "backend: python",
      },
    ];
  }
  return /^(?:\/|\$\$TRITON_MODEL_DIRECTORY\/)/.test(environment)
    ? []
    : [
        {
          code: "SPEC_VALUE_CONFLICT",
          path: place,
          message: `${name} "${environment}" leads nowhere: the server has no folder of its own`,
          allowed:
            "an absolute path, or $$TRITON_MODEL_DIRECTORY/ and the name of a file beside the versions",
        },
      ];
}
