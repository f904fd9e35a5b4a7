import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
} from "@opentelemetry/sdk-trace";
import { PlatformError } from "../../../platform/errors/platform-error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Those of OpenTelemetry's specification that need no service of their own. */
const samplers: Readonly<Record<string, (environment: Environment) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (environment) => new TraceIdRatioBasedSampler(ratioOf(environment)),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (environment) =>
    new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratioOf(environment)) }),
};

/**
 * Which requests are traced, by `OTEL_TRACES_SAMPLER`; without it all but those whose caller said that it does not trace
 * them, as OpenTelemetry has it.
 *
 * @throws PlatformError PROXY_CONFIG_INVALID for a sampler or ratio that does not exist
 */
export function samplerOf(environment: Environment): Sampler {
  const name = environment["OTEL_TRACES_SAMPLER"] || "parentbased_always_on";
  const create = Object.hasOwn(samplers, name) ? samplers[name] : undefined;
  if (create) return create(environment);
  throw invalid("OTEL_TRACES_SAMPLER", `"${name}" is no sampler`, Object.keys(samplers).join(", "));
}

/**
 * The exporter reads these by itself, but takes a collector on this machine for an address that it cannot read.
 *
 * @throws PlatformError PROXY_CONFIG_INVALID for an address that is no URL
 */
export function expectEndpoints(environment: Environment): void {
  for (const name of ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]) {
    const value = environment[name];
    // The value is left out: it may hold a password.
    if (value && !/^https?:$/.test(URL.parse(value)?.protocol ?? "")) {
      throw invalid(name, "is no http or https URL", "such as http://collector:4318");
    }
  }
}

function ratioOf(environment: Environment): number {
  const text = environment["OTEL_TRACES_SAMPLER_ARG"] || "1";
  const ratio = Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw invalid("OTEL_TRACES_SAMPLER_ARG", `"${text}" is no ratio`, "0 to 1");
}

function invalid(path: string, message: string, allowed: string): PlatformError {
  return new PlatformError([{ code: "PROXY_CONFIG_INVALID", path, message, allowed }]);
}
