import { z } from "zod";

/** Datatypes of tensors, in the words of the Open Inference Protocol. */
export const tensorDatatypes = [
  "BOOL",
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
  "BF16",
  "BYTES",
] as const;
export type TensorDatatype = (typeof tensorDatatypes)[number];

/** Frameworks give tensors names such as `serving_default_x:0`; PyTorch's must be `NAME__0`. */
export const tensorName = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, { error: "expected up to 200 printable characters without spaces" });

/** -1 is a dimension of any size. */
const dimension = z.int().refine((size) => size === -1 || size >= 1, { error: "expected -1 or at least 1" });

/** A reshape may be empty: a scalar for the framework, which Triton has no shape for. */
const reshape = z.array(dimension).max(16).optional().describe("Shape that the framework sees instead.");

const tensor = {
  name: tensorName,
  datatype: z.enum(tensorDatatypes),
  shape: z.array(dimension).min(1).max(16).describe("Without the batch dimension; -1 is any size."),
  reshape,
};

export const inputSchema = z.strictObject({
  ...tensor,
  optional: z.boolean().optional().describe("Whether requests may leave it out. Default: false."),
  ragged: z
    .boolean()
    .optional()
    .describe(
      "Whether requests of one batch may differ in shape; the backend must support it. Default: false.",
    ),
});

export const outputSchema = z.strictObject({
  ...tensor,
  labels: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, { error: "expected the name of a file beside the versions" })
    .optional()
    .describe("File beside the versions with the names of classes, one a line."),
});

export type TensorInput = z.output<typeof inputSchema>;
export type TensorOutput = z.output<typeof outputSchema>;
