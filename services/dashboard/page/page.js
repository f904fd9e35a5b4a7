// The page: draws the plan once and the proxy's figures every second. Plain JavaScript, served as it is.
import uPlot from "/uplot.js";

/** Points kept in the charts: ten minutes at one a second. */
const keptPoints = 600;

const plan = await (await fetch("/plan.json")).json();
const element = (id) => document.getElementById(id);
const usd = (amount) =>
  amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const short = (value) => (value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3))));

drawPlan();
const rateChart = chart("rate-chart", [{ label: "requests/min", stroke: "#3b82f6", fill: "#3b82f622" }]);
const sloChart = chart("slo-chart", [
  { label: "% of target", stroke: "#8b5cf6" },
  { label: "target", stroke: "#c0362c", dash: [6, 4] },
]);
const events = new EventSource("/events");
events.onmessage = (event) => drawFigures(JSON.parse(event.data));
events.onerror = () => (element("state").textContent = "connection lost, trying again…");

function drawPlan() {
  const { totals } = plan;
  document.title = `${plan.platform}: domino-inference`;
  element("platform").textContent = `${plan.platform} (${plan.stage})`;
  element("cost").textContent = `${usd(totals.usdPerHour)} USD/h`;
  element("cost-note").textContent =
    `what these nodes would cost in ${plan.catalog.region}, prices of ${plan.catalog.pricesAsOf}`;
  element("hardware").textContent = `${totals.nodes} nodes, ${totals.gpus} GPUs`;
  element("hardware-note").textContent =
    `${Number(totals.gpusUsed.toFixed(1))} GPUs used by ${totals.replicas} replicas`;
  element("groups").replaceChildren(
    ...plan.groups.map((group) =>
      row([
        group.name,
        group.engineType,
        `${group.gpusPerReplica}× ${group.accelerator}`,
        number(String(group.replicas)),
        number(String(group.maxBatchSize)),
        number(`${Math.round(group.utilisation * 100)} %`),
        group.nodePools.join(", "),
        number(usd(group.usdPerHour)),
      ]),
    ),
  );
  const estimated = plan.groups.some((group) =>
    group.models.some((model) => model.origin.kind === "estimate"),
  );
  element("origin").textContent = estimated
    ? "Speeds are roofline estimates, not measurements; engines are emulated from the same figures."
    : "Engines are emulated from the measured profiles in the spec.";
}

function drawFigures(figures) {
  const planned = plan.servers.reduce((sum, server) => sum + server.load.requestsPerMinute, 0);
  const verdicts = plan.servers.flatMap((server) => {
    const live = figures.servers.find((one) => one.id === server.id);
    return live ? targetsOf(server, live) : [];
  });
  const judged = verdicts.filter((verdict) => verdict.measuredMs !== null);
  const held = judged.filter((verdict) => verdict.measuredMs <= verdict.allowedMs).length;
  const seconds = Math.round(figures.windowSeconds);
  element("state").textContent = `live, last ${seconds} s`;
  element("rate").textContent = `${short(figures.requestsPerMinute)}/min`;
  element("rate-note").textContent = `planned ${short(planned)}/min`;
  element("held").textContent = judged.length > 0 ? `${held} of ${judged.length}` : "–";
  element("held").className = held === judged.length ? "good" : "bad";
  element("held-note").textContent = "targets with requests in the window";
  element("servers").replaceChildren(...plan.servers.map((server) => serverRow(server, figures)));
  const now = Date.now() / 1000;
  rateChart.add(now, [figures.requestsPerMinute]);
  const worst = judged.map((verdict) => (100 * verdict.measuredMs) / verdict.allowedMs);
  sloChart.add(now, [worst.length > 0 ? Math.max(...worst) : null, 100]);
}

function serverRow(server, figures) {
  const live = figures.servers.find((one) => one.id === server.id);
  const verdicts = live ? targetsOf(server, live) : [];
  const target = document.createElement("span");
  target.className = "targets";
  target.replaceChildren(
    ...verdicts.map((verdict, index) => {
      const text = document.createElement("span");
      const measured = verdict.measuredMs === null ? "–" : short(verdict.measuredMs);
      text.textContent = `${index > 0 ? ", " : ""}${verdict.name} ${measured} / ${short(verdict.allowedMs)} ms`;
      if (verdict.measuredMs !== null)
        text.className = verdict.measuredMs <= verdict.allowedMs ? "good" : "bad";
      return text;
    }),
  );
  if (verdicts.length === 0)
    target.textContent = live?.latencyP95Ms
      ? `latency p95 ${short(live.latencyP95Ms)} ms, no target`
      : "no target";
  return row([
    `${server.engine} / ${server.model} v${server.version}`,
    server.serviceClass,
    number(`${live ? short(live.requestsPerMinute) : "–"} / ${short(server.load.requestsPerMinute)}`),
    number(live ? short(live.failedPerMinute) : "–"),
    target,
  ]);
}

/** The targets that the page can judge from the proxy's histograms. */
function targetsOf(server, live) {
  const judgedBy = [
    ["latency mean", server.slo.latencyMeanMs, live.latencyMeanMs],
    ["latency p95", server.slo.latencyP95Ms, live.latencyP95Ms],
    ["TTFT mean", server.slo.ttftMeanMs, live.ttftMeanMs],
    ["TTFT p95", server.slo.ttftP95Ms, live.ttftP95Ms],
    ["ITL mean", server.slo.itlMeanMs, live.itlMeanMs],
    ["ITL p95", server.slo.itlP95Ms, live.itlP95Ms],
  ];
  return judgedBy
    .filter(([, allowedMs]) => allowedMs !== undefined)
    .map(([name, allowedMs, measuredMs]) => ({ name, allowedMs, measuredMs }));
}

function row(cells) {
  const line = document.createElement("tr");
  for (const cell of cells) {
    const data = document.createElement("td");
    if (typeof cell === "string") data.textContent = cell;
    else if (cell instanceof Node) data.append(cell);
    else {
      data.className = "number";
      data.textContent = cell.number;
    }
    line.append(data);
  }
  return line;
}

function number(text) {
  return { number: text };
}

function chart(id, series) {
  const holder = element(id);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const axis = {
    stroke: dark ? "#9aa4b2" : "#5c6773",
    grid: { stroke: dark ? "#323a46" : "#d8dee6", width: 1 },
  };
  const data = [[], ...series.map(() => [])];
  const plot = new uPlot(
    {
      width: holder.clientWidth,
      height: 180,
      legend: { show: series.length > 1, live: false },
      cursor: { show: false },
      scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.15, 1)] } },
      axes: [axis, { ...axis, size: 60 }],
      series: [{ label: "time" }, ...series.map((one) => ({ width: 2, points: { show: false }, ...one }))],
    },
    data,
    holder,
  );
  new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: 180 })).observe(holder);
  return {
    add(time, values) {
      data[0].push(time);
      values.forEach((value, index) => data[index + 1].push(value));
      for (const column of data) if (column.length > keptPoints) column.shift();
      plot.setData(data);
    },
  };
}
