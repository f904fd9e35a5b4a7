import { isObject, parseJson } from "../http/body.ts";
import type { InputTensor } from "./expected-logits.ts";

/** A valid infer request. */
export interface InferBody {
  readonly id?: string;
  /** At least one; all have the same batch dimension. */
  readonly inputs: readonly InputTensor[];
}

export type ParsedInfer =
  { readonly ok: true; readonly body: InferBody } | { readonly ok: false; readonly error: string };

const numberTypes = [
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
];
const datatypes = [...numberTypes, "BF16", "BOOL", "BYTES"];

/** Lists in lists that are unfolded; a bound keeps a hostile body from exhausting the stack. */
const maxNesting = 16;

/** Reads the JSON of an infer request as the Open Inference Protocol v2 defines it. */
export function parseInfer(text: string, model: string): ParsedInfer {
  const json = parseJson(text);
  if (!isObject(json)) return refuse("failed to parse the request JSON buffer: not a JSON object");
  if (json["id"] !== undefined && typeof json["id"] !== "string") return refuse("'id' must be a string");
  if (!Array.isArray(json["inputs"])) return refuse("unable to find 'inputs' in the request");
  if (json["inputs"].length === 0)
    return refuse(`expected at least 1 input but got 0 inputs for model '${model}'`);
  const inputs: InputTensor[] = [];
  const names = new Set<string>();
  for (const [index, raw] of json["inputs"].entries()) {
    const input = parseInput(raw, index);
    if (typeof input === "string") return refuse(input);
    if (names.has(input.name)) return refuse(`input '${input.name}' already exists`);
    if (inputs[0] !== undefined && inputs[0].shape[0] !== input.shape[0]) {
      return refuse(
        `input '${input.name}' batch size ${input.shape[0]} does not match batch size ${inputs[0].shape[0]} of input '${inputs[0].name}'`,
      );
    }
    names.add(input.name);
    inputs.push(input);
  }
  const unknownOutput = unknownOutputName(json["outputs"]);
  if (unknownOutput !== undefined) {
    return refuse(`unexpected inference output '${unknownOutput}' for model '${model}'`);
  }
  return { ok: true, body: { ...(json["id"] === undefined ? {} : { id: json["id"] }), inputs } };
}

/** The tensor, or what is wrong with it. */
function parseInput(raw: unknown, index: number): InputTensor | string {
  if (!isObject(raw)) return `inputs[${index}] must be an object`;
  const { name, datatype, shape, data } = raw;
  if (typeof name !== "string" || name === "") return `unable to find 'name' in inputs[${index}]`;
  if (typeof datatype !== "string") return `unable to find 'datatype' of input '${name}'`;
  if (!datatypes.includes(datatype)) return `invalid datatype '${datatype}' of input '${name}'`;
  if (!Array.isArray(shape)) return `unable to find 'shape' of input '${name}'`;
  if (shape.length === 0 || !shape.every(isDimension)) {
    return `'shape' of input '${name}' must be positive integers, the first of them the batch size`;
  }
  if (!Array.isArray(data)) {
    return `unable to find 'data' of input '${name}' as JSON; binary tensor data is not emulated`;
  }
  const values = data.flat(Math.min(shape.length, maxNesting)) as unknown[];
  const elements = shape.reduce((product, dimension) => product * dimension, 1);
  if (values.length !== elements) {
    return `unexpected number of elements ${values.length} for input '${name}', expecting ${elements} of shape [${shape.join(",")}]`;
  }
  const type = datatype === "BOOL" ? "boolean" : datatype === "BYTES" ? "string" : "number";
  if (!values.every((value) => typeof value === type)) return `'data' of input '${name}' must be ${type}s`;
  return { name, datatype, shape, data: values as InputTensor["data"] };
}

function isDimension(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** The model has one output, `logits`; naming none asks for all. */
function unknownOutputName(outputs: unknown): string | undefined {
  if (!Array.isArray(outputs)) return undefined;
  const names = outputs.map((output: unknown) => (isObject(output) ? String(output["name"]) : ""));
  return names.find((name) => name !== "logits");
}

function refuse(error: string): ParsedInfer {
  return { ok: false, error };
}
