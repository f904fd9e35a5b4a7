import { createHash } from "node:crypto";

/** One input of an infer request, with its data flat in row-major order. */
export interface InputTensor {
  readonly name: string;
  readonly datatype: string;
  /** The first dimension is the batch. */
  readonly shape: readonly number[];
  readonly data: readonly (number | string | boolean)[];
}

/**
 * The answer of the emulator: two numbers in [-1, 1) for every row of the batch, derived from a hash of model, version
 * and that row of every input. A row has the same logits in whatever batch it comes, as with a real model; a client can
 * so prove that it got the answer to its own question from the version it asked. Every number is a multiple of 2^-15,
 * hence exact in FP32 and in JSON.
 */
export function expectedLogits(
  model: string,
  version: string,
  inputs: readonly InputTensor[],
): readonly number[] {
  const batch = inputs[0]?.shape[0] ?? 0;
  const logits: number[] = [];
  for (let row = 0; row < batch; row++) {
    const hash = createHash("sha256").update(JSON.stringify([model, version]));
    for (const { name, datatype, data } of inputs) {
      const width = data.length / batch;
      hash.update(JSON.stringify([name, datatype, data.slice(row * width, (row + 1) * width)]));
    }
    const digest = hash.digest();
    logits.push(digest.readInt16BE(0) / 32_768, digest.readInt16BE(2) / 32_768);
  }
  return logits;
}
