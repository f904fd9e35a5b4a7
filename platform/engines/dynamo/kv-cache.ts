import type { DynamoModelOptions } from "./model-options.ts";
import type { DynamoBackend } from "./release.ts";

/** TensorRT-LLM counts its blocks in 32 tokens whatever its worker is told; the others take any size. */
const defaultBlockTokens: Readonly<Record<DynamoBackend, number>> = { vllm: 16, sglang: 16, trtllm: 32 };

/**
 * Tokens of a cache block. Workers and router hash prompts by blocks: with other sizes no prompt is ever found again, and
 * nothing says so.
 */
export function kvBlockTokens({
  backend,
  kvBlockSize,
}: Pick<DynamoModelOptions, "backend" | "kvBlockSize">): number {
  return kvBlockSize ?? defaultBlockTokens[backend.type];
}

/**
 * What the router knows of the workers' caches. `reported`: workers tell. `approximate`: it remembers what it sent them.
 * `none`: it does not route by caches.
 */
export type CacheKnowledge = "reported" | "approximate" | "none";

export function cacheKnowledge({
  routingPolicy,
  kvEvents,
}: Pick<DynamoModelOptions, "routingPolicy" | "kvEvents">): CacheKnowledge {
  if (routingPolicy !== "kv") return "none";
  return kvEvents === "approximate" ? "approximate" : "reported";
}
