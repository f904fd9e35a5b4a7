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
