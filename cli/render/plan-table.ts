import Table from "cli-table3";
import type { LatencyPrediction } from "../../optimizer/allocation.ts";
import type { PlatformPlan, ReplicaGroupPlan, ServerPlan } from "../../platform/plan/platform-plan.ts";

/** A plan as text: replica groups, servers against their targets, nodes, and what is uncertain about it. */
export function renderPlan(plan: PlatformPlan): string {
  const sections = [
    `${plan.platform} (${plan.stage}): ${usd(plan.totals.usdPerHour)} USD/h, ` +
      `${plan.totals.nodes} nodes, ${plan.totals.gpusUsed} of ${plan.totals.gpus} GPUs used, ` +
      `${plan.totals.serversPlaced} of ${plan.totals.servers} servers placed`,
    `prices: catalog ${plan.catalog.version}, on-demand ${plan.catalog.region}, as of ${plan.catalog.pricesAsOf}` +
      (plan.budgetUsdPerHour === undefined ? "" : `; budget ${usd(plan.budgetUsdPerHour)} USD/h`),
    ...(plan.groups.length > 0 ? [groupTable(plan.groups)] : []),
    serverTable(plan.servers),
    ...(plan.nodePools.length > 0 ? [nodeTable(plan)] : []),
    ...estimateNotes(plan),
  ];
  return `${sections.join("\n")}\n`;
}

function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  rightAligned: readonly number[],
): string {
  const result = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, index) => (rightAligned.includes(index) ? "right" : "left")),
  });
  for (const row of rows) result.push([...row]);
  return result.toString();
}

function groupTable(groups: readonly ReplicaGroupPlan[]): string {
  const rows = groups.map((group) => [
    group.name,
    group.engineType,
    `${group.gpusPerReplica}x ${group.accelerator}`,
    String(group.replicas),
    String(group.maxBatchSize),
    percent(group.utilisation),
    usd(group.usdPerHour),
  ]);
  const heads = ["replica group", "engine", "GPUs each", "replicas", "batch", "busy", "USD/h"];
  const reasons = groups.map((group) => `  ${group.name}: ${whyThisSize(group)}`);
  return [table(heads, rows, [3, 4, 5, 6]), "sized by", ...reasons].join("\n");
}

function whyThisSize(group: ReplicaGroupPlan): string {
  const { binding, bindingSlo, nextBest } = group.explanation;
  const reasons = {
    slo: bindingSlo
      ? `${bindingSlo.target} of ${bindingSlo.workload.split("/").slice(1).join("/")}`
      : "its targets",
    saturation: "its load",
    minimum: "one replica is the least",
    fixed: "written in the spec",
    idle: "no load",
  } as const;
  const next = nextBest
    ? `; next best ${nextBest.replicas} of ${nextBest.gpusPerReplica}x ${nextBest.accelerator} for +${usd(nextBest.extraUsdPerHour)} USD/h`
    : "";
  return `${reasons[binding]}${next}`;
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
  return table(["server", "load", "TTFT ms (mean / p95)", "ITL ms", "latency ms", "target"], rows, [1]);
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
    pool.instanceType,
    `${pool.gpusPerNode}x ${pool.accelerator}`,
    `${pool.minNodes}/${pool.desiredNodes}/${pool.maxNodes}`,
    usd(pool.usdPerHour),
  ]);
  return table(["node pool", "instance type", "GPUs each", "min/desired/max", "USD/h"], rows, [3, 4]);
}

function estimateNotes(plan: PlatformPlan): string[] {
  const estimates = plan.groups.flatMap((group) =>
    group.models
      .filter((model) => model.origin.kind === "estimate")
      .map(
        (model) =>
          `${model.name} on ${group.gpusPerReplica}x ${group.accelerator} ±${percent(model.origin.uncertaintyFraction)}`,
      ),
  );
  if (estimates.length === 0) return [];
  return [
    `estimated, not measured: ${[...new Set(estimates)].join("; ")}`,
    "give measured values under models[].profiles to replace an estimate",
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
