import { certain } from "../certain.ts";
import { compareText } from "../text-order.ts";
import type { NodeOptions } from "./node-options.ts";
import type { ReplicaDemand } from "./replica-class.ts";

/**
 * The demands of one accelerator as the options want them placed: headroom added, cut by zone, and by whether they may
 * stand on spot nodes. Replicas that do not divide by the zones go where the fewest cards are demanded so far. What is
 * returned are pods: those of a replica that spans several nodes stay in one zone and are all spot or all not, because
 * a replica without one of them is none.
 */
export function spreadDemands(
  demands: readonly ReplicaDemand[],
  { zones, headroomFraction = 0, mostSpotFraction = 1 }: NodeOptions,
): readonly ReplicaDemand[] {
  // Most problems want nothing spread, and searches ask for thousands of packings.
  if (!zones?.length && headroomFraction === 0 && mostSpotFraction === 1) {
    return demands.filter(({ replicas }) => replicas > 0).map(podsOf);
  }
  const places = zones === undefined || zones.length === 0 ? [undefined] : zones.toSorted(compareText);
  const cardsIn = places.map(() => 0);
  const inOrder = demands.toSorted(
    (a, b) => b.gpusPerReplica - a.gpusPerReplica || compareText(a.group, b.group),
  );
  return inOrder.flatMap((demand) => {
    // A hair less than the product, so that 10 % of 30 replicas are 3 and not 4.
    const spare = Math.max(0, Math.ceil(demand.replicas * headroomFraction - 1e-9));
    const all = evenly(demand.replicas + spare, cardsIn);
    for (const [at, replicas] of all.entries()) {
      cardsIn[at] = certain(cardsIn[at]) + replicas * demand.gpusPerReplica;
    }
    const running = evenly(
      demand.replicas,
      all.map((replicas) => -replicas),
    );
    const onSpot = evenly(
      Math.floor(demand.replicas * mostSpotFraction + 1e-9),
      running.map((replicas) => -replicas),
    );
    return places.flatMap((zone, at) => {
      const placed = { ...demand, ...(zone === undefined ? {} : { zone }) };
      const spot = Math.min(certain(onSpot[at]), certain(running[at]));
      return [
        { ...placed, replicas: spot },
        { ...placed, replicas: certain(running[at]) - spot, spotAllowed: false },
        // Headroom is not in use: losing it costs nobody anything.
        { ...placed, replicas: certain(all[at]) - certain(running[at]), spare: true },
      ]
        .filter(({ replicas }) => replicas > 0)
        .map(podsOf);
    });
  });
}

function podsOf(demand: ReplicaDemand): ReplicaDemand {
  const { nodesPerReplica = 1, ...pod } = demand;
  if (nodesPerReplica === 1) return demand;
  return {
    ...pod,
    gpusPerReplica: demand.gpusPerReplica / nodesPerReplica,
    replicas: demand.replicas * nodesPerReplica,
  };
}

/** `total` cut into parts that differ by one at most; the parts that are larger are those with the least `load`. */
function evenly(total: number, load: readonly number[]): readonly number[] {
  const parts = load.map(() => Math.floor(total / load.length));
  const leastFirst = [...load.keys()].toSorted((a, b) => certain(load[a]) - certain(load[b]) || a - b);
  for (const at of leastFirst.slice(0, total % load.length)) parts[at] = certain(parts[at]) + 1;
  return parts;
}
