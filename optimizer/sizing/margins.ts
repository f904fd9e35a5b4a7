import type { SloTargetName } from "./slo-targets.ts";

/**
 * What is left free for the error of predictions by continuous and dynamic batching, so that what is planned holds in the
 * simulation in at least 98 of 100 cases, while one replica less, of a few, usually does not
 * (`bench/optimizer/allocations.ts`).
 */

/**
 * Share of the time that a target leaves above what a request alone takes. Percentiles are predicted less closely than
 * means.
 */
export const plannedShareOfSlack = { mean: 0.98, p95: 0.91 } as const;

/** A target tightened by the margin. One that a request alone just holds stays as it is. */
export function plannedMs(
  target: { readonly name: SloTargetName; readonly allowedMs: number },
  aloneMs: number,
): number {
  const share = target.name.endsWith("P95") ? plannedShareOfSlack.p95 : plannedShareOfSlack.mean;
  return aloneMs + share * (target.allowedMs - aloneMs);
}

/** Share of the largest rate itself, where times jump, as when every twentieth request meets a busy replica. */
export const plannedShareOfRate = 0.99;

/**
 * Share of the saturation rate that is planned for where no target limits waiting: nothing else would keep the queue
 * short. Inferno's stability fraction for servers with a throughput target only.
 */
export const unlimitedWaitingFraction = 0.9;

/** Share of the saturation rate beyond which a target that limits waiting is not relied on: times grow without bound. */
export const limitedWaitingFraction = 0.98;
