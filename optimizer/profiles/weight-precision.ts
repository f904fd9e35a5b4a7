import { fieldsOf, type ConfigFields } from "./config-fields.ts";
import type { ParameterCount } from "./parameter-count.ts";

const bytesOfType: Readonly<Record<string, number>> = {
  float64: 8,
  float32: 4,
  float: 4,
  float16: 2,
  half: 2,
  bfloat16: 2,
  float8_e4m3fn: 1,
  float8_e5m2: 1,
  int8: 1,
};

/**
 * Scales and zero points of group quantisation, in bits a weight: one 16-bit scale and one zero point of 4 bits for
 * 128 weights, the group size that published AWQ and GPTQ weights come with.
 */
const groupOverheadBits = 20 / 128;

/** MXFP4: one 8-bit scale for 32 weights. NVFP4: one 8-bit scale for 16. */
const blockOverheadBits = { mxfp4: 8 / 32, nvfp4: 8 / 16 } as const;

/**
 * Mean bytes of a weight as it lies in memory. Quantisation covers the projections inside the layers; embeddings,
 * output head and norms stay in the config's type.
 */
export function bytesPerWeight(
  config: ConfigFields,
  outer: ConfigFields,
  parameters: ParameterCount,
): number {
  const whole = typeBytes(config, outer);
  const bits = quantizedBits(outer.has("quantization_config") ? outer : config);
  if (bits === undefined) return whole;
  const quantized = parameters.projections / parameters.total;
  return quantized * (bits / 8) + (1 - quantized) * whole;
}

function typeBytes(config: ConfigFields, outer: ConfigFields): number {
  for (const source of new Set([config, outer])) {
    for (const field of ["dtype", "torch_dtype"]) {
      if (!source.has(field)) continue;
      const name = source.text(field)?.replace(/^torch\./, "");
      const bytes = name !== undefined && Object.hasOwn(bytesOfType, name) ? bytesOfType[name] : undefined;
      if (bytes !== undefined) return bytes;
      // "auto" means the type of the weights, which the config then does not say.
      if (name !== "auto") source.unsupported(field, Object.keys(bytesOfType).join(", "));
    }
  }
  // What every current checkpoint of a served model is in; 32-bit ones say so.
  return 2;
}

/** Bits of a quantised weight with its share of scales; nothing where the config quantises nothing. */
function quantizedBits(config: ConfigFields): number | undefined {
  const quantization = fieldsOf(config.raw("quantization_config"));
  if (!quantization) return undefined;
  const method = String(quantization["quant_method"] ?? "").toLowerCase();
  const bits = bitsOf(method, quantization);
  if (bits === undefined) {
    config.unsupported(
      "quantization_config",
      "awq, gptq, fp8, fbgemm_fp8, bitsandbytes, mxfp4, modelopt or compressed-tensors, with their number of bits",
    );
  }
  return bits;
}

function bitsOf(method: string, quantization: Readonly<Record<string, unknown>>): number | undefined {
  switch (method) {
    case "awq":
    case "gptq":
      return grouped(quantization["bits"] ?? quantization["w_bit"]);
    case "fp8":
    case "fbgemm_fp8":
      return 8;
    case "mxfp4":
      return 4 + blockOverheadBits.mxfp4;
    case "bitsandbytes":
      if (quantization["load_in_4bit"] === true) return 4 + groupOverheadBits;
      return quantization["load_in_8bit"] === true ? 8 : undefined;
    case "modelopt":
      return modelOptBits(String(quantization["quant_algo"] ?? ""));
    case "compressed-tensors":
      return compressedBits(quantization);
    default:
      return undefined;
  }
}

function grouped(bits: unknown): number | undefined {
  return typeof bits === "number" && bits >= 1 && bits <= 16 ? bits + groupOverheadBits : undefined;
}

function modelOptBits(algorithm: string): number | undefined {
  if (/^FP8/i.test(algorithm)) return 8;
  return /^NVFP4/i.test(algorithm) ? 4 + blockOverheadBits.nvfp4 : undefined;
}

/** The most bits of any group of layers, so that memory is never under-estimated. */
function compressedBits(quantization: Readonly<Record<string, unknown>>): number | undefined {
  const groups = Object.values(fieldsOf(quantization["config_groups"]) ?? {});
  const bits = groups.map((group) => fieldsOf(fieldsOf(group)?.["weights"])?.["num_bits"]);
  if (bits.length === 0 || bits.some((one) => typeof one !== "number")) return undefined;
  const most = Math.max(...(bits as number[]));
  return most < 8 ? grouped(most) : most;
}
