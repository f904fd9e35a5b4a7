import type { ReservedArguments } from "../extra-arguments.ts";
import type { ReservedEnvironment } from "../extra-environment.ts";

const repository = "is laid out from the spec and the models' storage";
const ports = "is known to probes, Service and policies";
const loading = "follows from loading of the engine";
const explicit = "is explicit: a server that polls loads what is half copied";
const configs = "follows from the generated configurations, which leave out what Triton completes";

/** Flags of a server that follow from the spec or from the profile. */
export const tritonReservedArguments: ReservedArguments = {
  "model-repository": repository,
  "model-store": repository,
  "model-control-mode": explicit,
  "repository-poll-secs": explicit,
  "load-model": loading,
  "strict-readiness": loading,
  "exit-on-error": "is settled: a server that lacks a model must not get ready",
  "exit-timeout-secs": "the pod's grace period is made for",
  "disable-auto-complete-config": configs,
  "strict-model-config": configs,
  "model-config-name": configs,
  "model-namespacing": "is settled: the proxy names models as the spec does",
  "http-restricted-api": "the proxy does without: it loads models and sends requests with no such key",
  "allow-http": ports,
  "http-port": ports,
  "http-address": ports,
  "reuse-http-port": ports,
  "allow-grpc": ports,
  "grpc-port": ports,
  "grpc-address": ports,
  "reuse-grpc-port": ports,
  "allow-metrics": ports,
  "metrics-port": ports,
  "metrics-address": ports,
  "log-verbose": "follows from triton.logVerbose of the engine",
  "model-load-thread-count": "follows from triton.modelLoadThreads of the engine",
  "rate-limit*": "follows from rateLimiter of the models and triton.rateLimiterResources of the engine",
};

export const tritonReservedEnvironment: ReservedEnvironment = {
  HOME: "is the one folder that the server may write to",
};
