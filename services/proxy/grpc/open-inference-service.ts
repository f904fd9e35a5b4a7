import type { MethodDefinition } from "@grpc/grpc-js";

/** Messages are passed on as they are. */
const identity = (bytes: Buffer): Buffer => bytes;

/** How messages are turned into bytes and back: not at all. */
export const passedAsBytes = {
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
};

export type BytesMethod = MethodDefinition<Buffer, Buffer>;

function method(service: string, name: string, streams = false): BytesMethod {
  return { path: `/${service}/${name}`, requestStream: streams, responseStream: streams, ...passedAsBytes };
}

const openInference = "inference.GRPCInferenceService";

/**
 * The Open Inference Protocol's service, Triton's additions and gRPC's health check. Other methods of Triton (shared
 * memory, statistics, settings, loading) are for an engine's owner and are answered with UNIMPLEMENTED.
 */
export const methods = {
  ServerLive: method(openInference, "ServerLive"),
  ServerReady: method(openInference, "ServerReady"),
  ServerMetadata: method(openInference, "ServerMetadata"),
  ModelReady: method(openInference, "ModelReady"),
  ModelMetadata: method(openInference, "ModelMetadata"),
  ModelConfig: method(openInference, "ModelConfig"),
  ModelInfer: method(openInference, "ModelInfer"),
  ModelStreamInfer: method(openInference, "ModelStreamInfer", true),
  RepositoryIndex: method(openInference, "RepositoryIndex"),
  Check: method("grpc.health.v1.Health", "Check"),
} as const;

export type MethodName = keyof typeof methods;

/** Answered to everyone, as the health paths of HTTP are. */
export const openMethods: ReadonlySet<string> = new Set(
  [methods.ServerLive, methods.ServerReady, methods.Check].map(({ path }) => path),
);

/** Ask a model for an answer, as the inference paths of HTTP do. The others are about models. */
export const inferringMethods: ReadonlySet<string> = new Set(
  [methods.ModelInfer, methods.ModelStreamInfer].map(({ path }) => path),
);

/** Unary calls that go to an engine, all with the model's name and version in the same fields. */
export const forwardedMethods = ["ModelReady", "ModelMetadata", "ModelConfig", "ModelInfer"] as const;
