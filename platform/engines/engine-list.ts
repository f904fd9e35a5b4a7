// Every engine there is, by its type: what `engines[].type` of a spec may say. A new engine adds its line.
export { dynamoProfile as dynamo } from "./dynamo/profile.ts";
export { tritonProfile as triton } from "./triton/profile.ts";
export { vllmProfile as vllm } from "./vllm/profile.ts";
