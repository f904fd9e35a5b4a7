import { dividesHeads } from "../../../optimizer/profiles/tensor-parallel.ts";

/** What is known of a network's attention. */
export interface AttentionHeads {
  /** Heads of the queries; undefined where only those of keys and values are known. */
  readonly attentionHeads?: number | undefined;
  readonly kvHeads: number;
}

/** Whether the heads can be shared out equally over the GPUs of a node. */
export function headsDivisible({ attentionHeads, kvHeads }: AttentionHeads, gpus: number): boolean {
  const heads = attentionHeads === undefined ? {} : { attentionHeadCount: attentionHeads };
  return dividesHeads({ ...heads, kvHeadCount: kvHeads }, gpus);
}

/** The number of GPUs nearest to the wished one that the heads can be shared out over; of two, the smaller. */
export function nearestDivisible(heads: AttentionHeads, gpus: number): number {
  for (let distance = 0; distance < gpus; distance++) {
    if (headsDivisible(heads, gpus - distance)) return gpus - distance;
    if (headsDivisible(heads, gpus + distance)) return gpus + distance;
  }
  return 1;
}
