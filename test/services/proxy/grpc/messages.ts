import { lengthDelimitedField } from "../../../../services/proxy/grpc/wire-format.ts";

export interface InferRequest {
  readonly modelName?: string;
  readonly version?: string;
  readonly id?: string;
  /** `raw_input_contents`, field 7. */
  readonly raw?: Buffer;
}

/** ModelInferRequest with the fields in the order that serialisers write them. */
export function inferRequest({ modelName, version, id, raw }: InferRequest): Buffer {
  return Buffer.concat([
    ...(modelName === undefined ? [] : [lengthDelimitedField(1, modelName)]),
    ...(version === undefined ? [] : [lengthDelimitedField(2, version)]),
    ...(id === undefined ? [] : [lengthDelimitedField(3, id)]),
    ...(raw === undefined ? [] : [lengthDelimitedField(7, raw)]),
  ]);
}

export interface StreamAnswer {
  readonly id?: string;
  /** In `raw_output_contents`, field 6, next to an output, field 5. */
  readonly output?: string;
  readonly error?: string;
}

/** ModelStreamInferResponse with the fields in the order that serialisers write them. */
export function streamAnswer({ id, output, error }: StreamAnswer): Buffer {
  const response = Buffer.concat([
    lengthDelimitedField(1, "bert"),
    lengthDelimitedField(2, "1"),
    ...(id === undefined ? [] : [lengthDelimitedField(3, id)]),
    ...(output === undefined
      ? []
      : [lengthDelimitedField(5, lengthDelimitedField(1, "text")), lengthDelimitedField(6, output)]),
  ]);
  return Buffer.concat([
    ...(error === undefined ? [] : [lengthDelimitedField(1, error)]),
    lengthDelimitedField(2, response),
  ]);
}
