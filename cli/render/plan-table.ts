import type { ProfileOrigin } from "../../optimizer/profiles/performance-profile.ts";
import type { LatencyPrediction } from "../../optimizer/allocation.ts";
import { renderTable } from "./table.ts";
import type {
  PlanTotals,
  PoolExplanation,
  PlatformPlan,
  ReplicaGroupPlan,
  SchedulePlan,
  ServerPlan,
} from "../../platform/plan/platform-plan.ts";
import { fewestReplicas, mostReplicas } from "../../platform/scaling/most-replicas.ts";

/** A plan as text: replica groups, servers against their targets, nodes, and what is uncertain about it. */
export function renderPlan(plan: PlatformPlan): string {
  const sections = [
    `${plan.platform} (${plan.stage}): ${usd(plan.totals.usdPerHour)} USD/h, ` +
      `${plan.totals.nodes} nodes, ${round(plan.totals.gpusUsed)} of ${plan.totals.gpus} GPUs used, ` +
      `${plan.totals.serversPlaced} of ${plan.totals.servers} servers placed`,
    `prices: catalog ${plan.catalog.version}, on-demand ${plan.catalog.region}, as of ${plan.catalog.pricesAsOf}` +
      (plan.budgetUsdPerHour === undefined ? "" : `; budget ${usd(plan.budgetUsdPerHour)} USD/h`),
    ...(plan.groups.length > 0 ? [groupTable(plan.groups)] : []),
    serverTable(plan.servers),
    ...(plan.nodePools.length > 0 ? [nodeTable(plan)] : []),
    ...scarcityNotes(plan),
    ...sharingNotes(plan.totals),
    ...(plan.schedule ? [scheduleTable(plan.schedule)] : []),
    ...estimateNotes(plan),
  ];
  return `${sections.join("\n")}\n`;
}

function groupTable(groups: readonly ReplicaGroupPlan[]): string {
  const rows = groups.map((group) => [
    group.name,
    group.engineType,
    gpus(group),
    replicas(group),
    String(group.maxBatchSize),
    percent(group.utilisation),
    usd(group.usdPerHour),
  ]);
  const heads = ["replica group", "engine", "GPUs each", "replicas", "batch", "busy", "USD/h"];
  const reasons = groups.map((group) => `  ${group.name}: ${whyThisSize(group)}`);
  return [renderTable(heads, rows, [3, 4, 5, 6]), "sized by", ...reasons].join("\n");
}

function gpus({ gpusPerReplica, accelerator, nodesPerReplica }: ReplicaGroupPlan): string {
  const shape = `${gpusPerReplica}x ${accelerator}`;
  return nodesPerReplica > 1 ? `${shape} on ${nodesPerReplica} nodes` : shape;
}

/** What is planned and paid for, and the bounds of whoever changes it. */
function replicas(group: ReplicaGroupPlan): string {
  if (group.replicasOwner === "plan") return String(group.replicas);
  return `${group.replicas} (${fewestReplicas(group)}-${mostReplicas(group)})`;
}

function whyThisSize(group: ReplicaGroupPlan): string {
  const { binding, bindingSlo, nextBest, disaggregated } = group.explanation;
  const reasons = {
    slo: bindingSlo
      ? `${bindingSlo.target} of ${bindingSlo.workload.split("/").slice(1).join("/")}`
      : "its targets",
    saturation: "its load",
    minimum: group.replicas === 1 ? "one replica is the least" : `${group.replicas} replicas are the least`,
    fixed: "written in the spec",
    idle: "no load",
  } as const;
  const next = nextBest
    ? `; next best ${nextBest.replicas} of ${nextBest.gpusPerReplica}x ${nextBest.accelerator} for +${usd(nextBest.extraUsdPerHour)} USD/h`
    : "";
  // A split that costs more is no advice.
  const split =
    disaggregated && disaggregated.extraUsdPerHour < 0
      ? `; apart, ${pool(disaggregated.prefill)} to read and ${pool(disaggregated.decode)} to generate would do for ${usd(disaggregated.extraUsdPerHour)} USD/h of cards`
      : "";
  return `${reasons[binding]}${next}${split}`;
}

function pool({ replicas, gpusPerReplica, accelerator }: PoolExplanation): string {
  return `${replicas} of ${gpusPerReplica}x ${accelerator}`;
}

function serverTable(servers: readonly ServerPlan[]): string {
  const rows = servers.map((server) => [
    server.id,
    `${round(server.load.requestsPerMinute)}/min`,
    server.task === "generation" ? times(server.prediction?.ttft) : "",
    server.task === "generation" ? times(server.prediction?.itl) : "",
    times(server.prediction?.latency),
    targets(server),
  ]);
  return renderTable(["server", "load", "TTFT ms (mean / p95)", "ITL ms", "latency ms", "target"], rows, [1]);
}

/** `mean / p95`; the plan as JSON also has p99. */
function times(prediction: LatencyPrediction | undefined): string {
  if (!prediction) return "-";
  return [prediction.meanMs, prediction.p95Ms].map(round).join(" / ");
}

const targetNames = {
  ttftMeanMs: ["TTFT mean", (server: ServerPlan) => server.prediction?.ttft.meanMs],
  ttftP95Ms: ["TTFT p95", (server: ServerPlan) => server.prediction?.ttft.p95Ms],
  itlMeanMs: ["ITL mean", (server: ServerPlan) => server.prediction?.itl.meanMs],
  itlP95Ms: ["ITL p95", (server: ServerPlan) => server.prediction?.itl.p95Ms],
  latencyMeanMs: ["latency mean", (server: ServerPlan) => server.prediction?.latency.meanMs],
  latencyP95Ms: ["latency p95", (server: ServerPlan) => server.prediction?.latency.p95Ms],
} as const;

function targets(server: ServerPlan): string {
  const texts = Object.entries(targetNames).flatMap(([key, [name, predicted]]) => {
    const allowedMs = server.slo[key as keyof typeof targetNames];
    if (allowedMs === undefined) return [];
    const reachedMs = predicted(server);
    const verdict = reachedMs === undefined ? "not placed" : reachedMs <= allowedMs ? "holds" : "MISSED";
    return [`${name} ${round(allowedMs)}: ${verdict}`];
  });
  return texts.join(", ") || "none";
}

function nodeTable(plan: PlatformPlan): string {
  const rows = plan.nodePools.map((pool) => [
    pool.name,
    pool.purchase ? `${pool.instanceType} ${pool.purchase}` : pool.instanceType,
    `${pool.gpusPerNode}x ${pool.accelerator}`,
    `${pool.minNodes}/${pool.desiredNodes}/${pool.maxNodes}`,
    usd(pool.usdPerHour),
  ]);
  return renderTable(["node pool", "instance type", "GPUs each", "min/desired/max", "USD/h"], rows, [3, 4]);
}

function scarcityNotes({ scarce }: PlatformPlan): string[] {
  return scarce.map(({ accelerator, limit, moreCards, placed, savedUsdPerHour }) => {
    const effect =
      placed.length > 0
        ? `would place ${placed.join(", ")} for ${usd(-savedUsdPerHour)} USD/h more`
        : `would save ${usd(savedUsdPerHour)} USD/h`;
    return `${accelerator} is limited to ${limit}: ${moreCards} more ${effect}`;
  });
}

function sharingNotes({ sharing }: PlanTotals): string[] {
  if (!sharing) return [];
  const { models, groups, separateUsdPerHour, savedUsdPerHour } = sharing;
  return [
    `${models} models share ${groups} ${groups === 1 ? "group" : "groups"}: on servers of their own the platform would cost ` +
      `${usd(separateUsdPerHour)} USD/h, sharing saves ${usd(savedUsdPerHour)}`,
  ];
}

function scheduleTable({ periods, usdPerDay, usdPerDayAtPeak }: SchedulePlan): string {
  const clock = (hour: number) => `${String(hour).padStart(2, "0")}:00`;
  const rows = periods.map(({ fromHour, hours, replicas, nodes, usdPerHour }) => [
    `${clock(fromHour)}-${clock(fromHour + hours)}`,
    Object.entries(replicas)
      .map(([group, count]) => `${group} ${count}`)
      .join(", "),
    String(Object.values(nodes).reduce((sum, count) => sum + count, 0)),
    usd(usdPerHour),
  ]);
  return [
    renderTable(["hours (UTC)", "replicas", "nodes", "USD/h"], rows, [2, 3]),
    `following the day costs ${usd(usdPerDay)} USD a day, the busiest sizes all day ${usd(usdPerDayAtPeak)}`,
  ].join("\n");
}

/** How well the speeds of the planned models are known. */
function estimateNotes(plan: PlatformPlan): string[] {
  const known = (kind: ProfileOrigin["kind"]) => [
    ...new Set(
      plan.groups.flatMap((group) =>
        group.models
          .filter(({ origin }) => origin.kind === kind)
          .map(
            ({ name, origin }) =>
              `${name} on ${group.gpusPerReplica}x ${group.accelerator} ±${percent(origin.uncertaintyFraction)}`,
          ),
      ),
    ),
  ];
  const estimates = known("estimate");
  const measured = known("measured");
  return [
    ...(measured.length > 0 ? [`measured elsewhere: ${measured.join("; ")}`] : []),
    ...(estimates.length > 0 ? [`estimated, not measured: ${estimates.join("; ")}`] : []),
    ...(estimates.length + measured.length > 0
      ? ["give your own measurements under models[].profiles (`domino-inference fit`) to replace them"]
      : []),
  ];
}

function usd(amount: number): string {
  return amount.toFixed(2);
}

function percent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`;
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
