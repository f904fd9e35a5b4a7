import type { EngineProbes } from "../engine-profile.ts";

/**
 * Where a server is probed. While a model loads or unloads, `/v2/health/ready` of a strict server answers 400: right for
 * one that preloads, whose start is not over, and wrong for one that loads on demand, which would leave its Service
 * whenever somebody asks for another model.
 */
export function tritonProbes({ loading }: { readonly loading: "preload" | "on-demand" }): EngineProbes {
  const live = "/v2/health/live";
  const ready = loading === "preload" ? "/v2/health/ready" : live;
  return { startup: ready, liveness: live, readiness: ready };
}
