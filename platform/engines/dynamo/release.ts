/** What runs the model inside of a worker. */
export const dynamoBackends = ["vllm", "sglang", "trtllm"] as const;
export type DynamoBackend = (typeof dynamoBackends)[number];

/**
 * The one version of chart, operator, frontend and workers. They talk in formats of their own, which change without
 * notice: an operator beside workers of another release leaves graphs that come up and never serve.
 */
export const defaultDynamoVersion = "1.3.1";

/** Where the images of a release are, each tagged with the release. */
export const defaultImageRegistry = "nvcr.io/nvidia/ai-dynamo";

/** Where images come from, of one engine. */
export interface DynamoRelease {
  readonly version: string;
  readonly registry: string;
}

const runtimeNames: Readonly<Record<DynamoBackend, string>> = {
  vllm: "vllm-runtime",
  sglang: "sglang-runtime",
  trtllm: "tensorrtllm-runtime",
};

/** Image of a worker. */
export function runtimeImage(backend: DynamoBackend, { registry, version }: DynamoRelease): string {
  return `${registry}/${runtimeNames[backend]}:${version}`;
}

/** Image of the frontend and of the endpoint picker: no CUDA, so nodes without GPUs pull a tenth of a runtime image. */
export function frontendImage({ registry, version }: DynamoRelease): string {
  return `${registry}/dynamo-frontend:${version}`;
}

/** Image of the planner. */
export function plannerImage({ registry, version }: DynamoRelease): string {
  return `${registry}/dynamo-planner:${version}`;
}

/**
 * Whether an image belongs to a release by its tag: the version itself or a variant of it such as `1.3.1-cuda13`. An
 * image with a digest alone says nothing and does not.
 */
export function isOfRelease(image: string, version: string): boolean {
  const tag = imageTag(image);
  return tag === version || (tag?.startsWith(`${version}-`) ?? false);
}

/** The tag of an image reference; undefined where it has only a digest. */
export function imageTag(image: string): string | undefined {
  return /^[^@]*\/?[^/@:]+:([^/@:]+)(?:@.*)?$/.exec(image)?.[1];
}
