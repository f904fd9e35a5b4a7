import { isObject, parseJson } from "../http/body.ts";
import type { InputTensor } from "./expected-logits.ts";

/** A valid infer request. */
export interface InferBody {
  readonly id?: string;
  /** At least one; all have the same batch dimension. */
  readonly inputs: readonly InputTensor[];
}

/** Triton answers 500, not 400, to what its JSON reader trips over, and 400 to what its model refuses. */
export type ParsedInfer =
  { readonly ok: true; readonly body: InferBody } | ({ readonly ok: false } & InferRefusal);

interface InferRefusal {
  readonly status: 400 | 500;
  readonly error: string;
}

const unsignedTypes = ["UINT8", "UINT16", "UINT32", "UINT64"];
const signedTypes = ["INT8", "INT16", "INT32", "INT64"];
const floatTypes = ["FP16", "FP32", "FP64", "BF16"];
const datatypes = [...unsignedTypes, ...signedTypes, ...floatTypes, "BOOL", "BYTES"];

/** Lists in lists that are unfolded; a bound keeps a hostile body from exhausting the stack. */
const maxNesting = 16;

/** Reads the JSON of an infer request as the Open Inference Protocol v2 defines it. */
export function parseInfer(text: string, model: string): ParsedInfer {
  const json = parseJson(text);
  if (json === undefined) return { ok: false, ...unreadable("failed to parse the request JSON buffer") };
  if (!isObject(json)) return { ok: false, ...missing("inputs") };
  const { id } = json;
  if (id !== undefined && typeof id !== "string") {
    return { ok: false, ...unparsable("id", "attempt to access JSON non-string as string") };
  }
  if (json["inputs"] === undefined) return { ok: false, ...missing("inputs") };
  if (!Array.isArray(json["inputs"])) {
    return { ok: false, ...unparsable("inputs", "attempt to access JSON non-array as array") };
  }
  const refuse = (error: string): ParsedInfer => ({ ok: false, ...refused(`${requestPrefix(id)}${error}`) });
  if (json["inputs"].length === 0)
    return refuse(`expected at least 1 inputs but got 0 inputs for model '${model}'`);
  const inputs: InputTensor[] = [];
  const names = new Set<string>();
  for (const raw of json["inputs"]) {
    const input = parseInput(raw, model);
    if ("error" in input) return { ok: false, ...input };
    if (names.has(input.name)) return refuse(`input '${input.name}' already exists in request`);
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
    return { ok: false, ...refused(`unexpected inference output '${unknownOutput}' for model '${model}'`) };
  }
  return { ok: true, body: { ...(id === undefined ? {} : { id }), inputs } };
}

/** What Triton's core puts in front of its messages about a request. */
export function requestPrefix(id: string | undefined): string {
  return `[request id: ${id ?? "<id_unknown>"}] `;
}

/** The tensor, or what is wrong with it. */
function parseInput(raw: unknown, model: string): InputTensor | InferRefusal {
  const { name, datatype, shape, data } = isObject(raw) ? raw : {};
  if (typeof name !== "string") return missing("name");
  if (typeof datatype !== "string") return missing("datatype");
  if (!Array.isArray(shape)) return missing("shape");
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    return unparsable("shape", "attempt to access JSON non-unsigned-integer as unsigned-integer");
  }
  if (name === "") return refused(`unexpected inference input '' for model '${model}'`);
  if (!datatypes.includes(datatype)) return refused(`invalid datatype for input ${name}`);
  if (shape.length === 0) {
    return refused(`input '${name}' has no shape but model requires batch dimension for '${model}'`);
  }
  if (!shape.every(isDimension)) return refused(`'shape' of input '${name}' must not hold 0`);
  if (!Array.isArray(data)) {
    return refused(
      `unable to find 'data' of input '${name}' as JSON; binary tensor data and shared memory are not emulated`,
    );
  }
  const values = data.flat(Math.min(shape.length, maxNesting)) as unknown[];
  const elements = shape.reduce((product, dimension) => product * dimension, 1);
  const misread = values.find((value) => !fits(value, datatype));
  if (misread !== undefined) return unparsable("data", wrongValue(datatype));
  if (values.length !== elements)
    return unparsable("data", "Shape does not match true shape of 'data' field");
  return { name, datatype, shape, data: values as InputTensor["data"] };
}

function fits(value: unknown, datatype: string): boolean {
  if (datatype === "BOOL") return typeof value === "boolean";
  if (datatype === "BYTES") return typeof value === "string";
  if (floatTypes.includes(datatype)) return typeof value === "number";
  // Numbers beyond 2^53 are integers too, though their last digits are lost here.
  return Number.isInteger(value) && (signedTypes.includes(datatype) || (value as number) >= 0);
}

function wrongValue(datatype: string): string {
  const kind =
    datatype === "BOOL"
      ? "boolean"
      : datatype === "BYTES"
        ? "string"
        : floatTypes.includes(datatype)
          ? "number"
          : signedTypes.includes(datatype)
            ? "signed-integer"
            : "unsigned-integer";
  return `attempt to access JSON non-${kind} as ${kind}`;
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

function refused(error: string): InferRefusal {
  return { status: 400, error };
}

function unreadable(error: string): InferRefusal {
  return { status: 500, error };
}

function unparsable(field: string, reason: string): InferRefusal {
  return unreadable(`Unable to parse '${field}': ${reason}`);
}

function missing(field: string): InferRefusal {
  return unparsable(field, `attempt to access non-existing object member '${field}'`);
}
