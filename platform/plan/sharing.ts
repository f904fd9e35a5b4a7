import { candidatesOf } from "../../optimizer/sizing/candidates.ts";
import type { SizesOf, SizingProblem } from "../../optimizer/sizing/sizes-once.ts";
import type { GroupDemand } from "../../optimizer/workload.ts";

/** Sets of models that share servers; every model is in exactly one. */
export type Arrangement<Model> = readonly (readonly Model[])[];

/**
 * Which models of an engine share its servers.
 *
 * @param models in the order of the spec
 * @param demandOf what is asked of servers that hold just these models
 */
export type Sharing = <Model extends { readonly name: string }>(
  models: readonly Model[],
  demandOf: (models: readonly Model[]) => GroupDemand,
) => Arrangement<Model>;

/** All models of an engine on the same servers. */
export const together: Sharing = (models) => [models];

/** Every model on servers of its own: what sharing is compared with. */
export const apart: Sharing = (models) => models.map((model) => [model]);

/**
 * All models on the same servers unless separate servers cost less, or models do not go together: because one of them
 * breaks the targets of another, or cannot be placed at all. Whatever shares a server holds every target under the joint
 * load, since that is how servers are sized.
 *
 * Models join one by one, the dearest first, whichever server they save most on. Costs are those of the cards alone; how
 * servers fill up nodes is decided later.
 */
export function cheapestSharing(problem: SizingProblem, sizesOf: SizesOf = candidatesOf): Sharing {
  return (models, demandOf) => {
    const joint = [models];
    if (models.length === 1) return joint;
    const costOf = (some: typeof models) =>
      sizesOf(demandOf(some), problem).candidates[0]?.gpuUsdPerHour ?? Number.POSITIVE_INFINITY;
    const togetherUsdPerHour = costOf(models);
    // Two servers cost two cards at least.
    if (togetherUsdPerHour <= 2 * leastCardUsdPerHour(problem)) return joint;

    const alone = models.map((model) => ({ models: [model], usdPerHour: costOf([model]) }));
    const servers: { models: typeof models; usdPerHour: number }[] = [];
    for (const one of alone.toSorted((a, b) => compareCosts(b.usdPerHour, a.usdPerHour))) {
      const joined = Number.isFinite(one.usdPerHour)
        ? servers.map((server) => ({ server, usdPerHour: costOf([...server.models, ...one.models]) }))
        : [];
      const saved = ({ server, usdPerHour }: (typeof joined)[number]) =>
        server.usdPerHour + one.usdPerHour - usdPerHour;
      const best = joined.toSorted((a, b) => compareCosts(saved(b), saved(a)))[0];
      if (best && saved(best) > 0) {
        best.server.models = [...best.server.models, ...one.models];
        best.server.usdPerHour = best.usdPerHour;
      } else {
        servers.push(one);
      }
    }
    const usdPerHour = servers.reduce((sum, server) => sum + server.usdPerHour, 0);
    const cheaper = usdPerHour < togetherUsdPerHour || !Number.isFinite(togetherUsdPerHour);
    return cheaper ? servers.map((server) => server.models) : joint;
  };
}

function leastCardUsdPerHour({ instanceTypes }: SizingProblem): number {
  return Math.min(...instanceTypes.map(({ usdPerHour, gpuCount }) => usdPerHour / gpuCount));
}

/** Infinities are equal to each other; their difference is not a number. */
function compareCosts(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
