/** Share of a card's memory that an engine claims: vLLM's default `gpu_memory_utilization`. */
const usableMemoryFraction = 0.9;

/** What each card needs besides weights and KV cache, in GiB: activations of a full batch, CUDA graphs, buffers. */
export const activationsGiB = 1;

/** GPU memory of a replica that weights, KV cache and activations may use. */
export function usableGpuGiB(memoryGiB: number, gpusPerReplica: number): number {
  return gpusPerReplica * memoryGiB * usableMemoryFraction;
}
