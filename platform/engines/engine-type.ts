/** The engines there are: what `engines[].type` of a spec may say. */
export type EngineType = "triton" | "vllm";
