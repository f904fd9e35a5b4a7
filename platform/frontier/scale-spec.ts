import type { Milliseconds, RequestsPerMinute } from "../spec/quantities.ts";
import type { ModelSpec, PlatformSpec } from "../spec/schema.ts";

/** What a what-if multiplies: request rates, or latency targets (a factor below 1 is a tighter target). */
export type Varied = "load" | "slo";

export type TrafficSpec = ModelSpec["traffic"][number];

/**
 * The same platform with its load or its latency targets multiplied; all else stays, written replicas too.
 *
 * @param factor above 0; 1 changes nothing
 * @param chosen traffic that is multiplied, as objects of this very spec; the rest stays as it is
 */
export function scaleSpec(
  spec: PlatformSpec,
  varied: Varied,
  factor: number,
  chosen: ReadonlySet<TrafficSpec>,
): PlatformSpec {
  const scale = varied === "load" ? scaleLoad : scaleTargets;
  return {
    ...spec,
    engines: spec.engines.map((engine) => ({
      ...engine,
      models: engine.models.map((model) => ({
        ...model,
        traffic: model.traffic.map((traffic) => (chosen.has(traffic) ? scale(traffic, factor) : traffic)),
      })),
    })),
  };
}

/** Tokens a request stay: more load is more requests of the same kind. */
function scaleLoad(traffic: TrafficSpec, factor: number): TrafficSpec {
  return { ...traffic, load: { ...traffic.load, rate: (traffic.load.rate * factor) as RequestsPerMinute } };
}

/** Every target is a time, so that all of them tighten together. */
function scaleTargets(traffic: TrafficSpec, factor: number): TrafficSpec {
  if (!traffic.slo) return traffic;
  const scaled = Object.entries(traffic.slo).map(([target, milliseconds]) => [
    target,
    milliseconds === undefined ? undefined : ((milliseconds * factor) as Milliseconds),
  ]);
  return { ...traffic, slo: Object.fromEntries(scaled) as NonNullable<TrafficSpec["slo"]> };
}
