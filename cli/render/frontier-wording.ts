import { nodeKind } from "../../platform/plan/devices.ts";
import { renderMiss } from "../../platform/plan/unplaceable.ts";
import type {
  DecisionChange,
  Frontier,
  FrontierCurve,
  FrontierLimit,
  FrontierPoint,
  GroupShape,
} from "../../platform/frontier/frontier.ts";

/** Headings and axes of a curve; a factor of the targets is on times, so that less is harder. */
export const curveWords = {
  load: { title: "Cost against load", axis: "load, times the spec's", factor: "load", direction: "up to" },
  slo: {
    title: "Cost against latency targets",
    axis: "latency targets, times the spec's",
    factor: "targets",
    direction: "down to",
  },
} as const;

/** `1.41x`; three digits are finer than the steps. */
export function factorText(factor: number): string {
  return `${Number(factor.toPrecision(3))}x`;
}

export function usd(amount: number): string {
  return amount.toFixed(2);
}

/** `acme-prod (prod)`. */
export function platformText(frontier: Frontier): string {
  return `${frontier.platform} (${frontier.stage})`;
}

export function pricesText({ catalog }: Frontier): string {
  return `catalog ${catalog.version}, on-demand ${catalog.region}, prices as of ${catalog.pricesAsOf}`;
}

/** What the nodes are, most expensive first: `2 p5.48xlarge, 3 g6.xlarge`, cut ones with their slice. */
export function nodesText(point: FrontierPoint): string {
  const pools = point.nodePools
    .map((pool) => ({ ...pool, kind: nodeKind(pool, pool.device) }))
    .toSorted((left, right) => right.usdPerHour - left.usdPerHour || (left.kind < right.kind ? -1 : 1));
  return pools.map((pool) => `${pool.nodes} ${pool.kind}`).join(", ") || "none";
}

/** Changes of cards and of placement; of replicas alone there is one at nearly every factor. */
export function switches(point: FrontierPoint): DecisionChange[] {
  return point.changes.filter((change) => change.kind !== "replicas");
}

/** `chat-llama-3-70b-premium: 4 of 4x A100-80G → 2 of 8x H100-80G`. */
export function changeText({ group, from, to }: DecisionChange): string {
  return `${group}: ${from ? shapeText(from) : "not placed"} → ${to ? shapeText(to) : "not placed"}`;
}

function shapeText(shape: GroupShape): string {
  return `${shape.replicas} of ${shape.gpusPerReplica}x ${shape.accelerator}`;
}

/** Sentences on how far the curve goes: until servers are left out, and until the budget is spent. */
export function limitTexts(frontier: Frontier, curve: FrontierCurve): string[] {
  const { budgetUsdPerHour } = frontier;
  return [
    placedText(curve),
    ...(curve.withinBudget && budgetUsdPerHour !== undefined
      ? [
          `the budget of ${usd(budgetUsdPerHour)} USD/h ${rangeText(curve, curve.withinBudget, "suffices for every server")}`,
        ]
      : []),
  ];
}

function placedText(curve: FrontierCurve): string {
  const { placed } = curve;
  if (placed.holds === "throughout") return "every server is placed at every factor";
  const easiest = curve.vary === "load" ? curve.points[0] : curve.points.at(-1);
  const broken =
    placed.holds === "up-to" ? curve.points.find(({ factor }) => factor === placed.brokenFactor) : easiest;
  const [first, ...others] = broken?.unplaced ?? [];
  const miss = first?.nearestMiss;
  const more = others.flatMap(({ servers }) => servers).length;
  return (
    `every server ${rangeText(curve, placed, "is placed")}: ` +
    `no place for ${first?.servers.join(", ") ?? ""}${more > 0 ? ` and ${more} more` : ""}` +
    ` (${miss ? renderMiss(miss) : "no allowed accelerator carries the model"})`
  );
}

/** `suffices up to load 1.99x`, `suffices down to targets 0.65x`. */
function rangeText(curve: FrontierCurve, limit: FrontierLimit, verb: string): string {
  if (limit.holds === "throughout") return `${verb} at every factor`;
  if (limit.holds === "nowhere") return `${verb} at no factor`;
  const { factor, direction } = curveWords[curve.vary];
  return `${verb} ${direction} ${factor} ${factorText(limit.lastFactor)}`;
}

/** What a reader must know before trusting the figures. */
export function noteTexts(frontier: Frontier): string[] {
  const { estimates, fixedGroups } = frontier;
  return [
    ...(estimates
      ? [
          `estimated, not measured (±${Math.round(estimates.uncertaintyFraction * 100)} % of the times): ` +
            `${estimates.models.join(", ")}; give measured values under models[].profiles`,
        ]
      : []),
    ...(fixedGroups.length > 0
      ? [`replicas written in the spec stay as they are at every factor: ${fixedGroups.join(", ")}`]
      : []),
  ];
}

/** So few that naming them is clearer than counting them. */
const namedServers = 3;

/** Which servers a curve moves: `all 5 servers`, `6 of 8 servers`, or their ids. */
export function variedText(curve: FrontierCurve): string {
  const all = Math.max(...curve.points.map((point) => point.servers));
  const varied = curve.servers.length;
  if (varied === 0) return "no server has a latency target: nothing can change";
  if (varied === all && all > 1) return `all ${all} servers`;
  return varied <= namedServers ? curve.servers.join(", ") : `${varied} of ${all} servers`;
}
