// The component of every engine, by its type. A new engine adds its line.
export { DynamoEngine as dynamo } from "./dynamo/dynamo-engine.ts";
export { TritonEngine as triton } from "./triton/triton-engine.ts";
export { VllmEngine as vllm } from "./vllm/vllm-engine.ts";
