import type { Frontier, FrontierCurve, FrontierPoint } from "../../platform/frontier/frontier.ts";
import { switchMarks, switchTexts } from "./frontier-series.ts";
import { chartStyle, frontierSvgElement } from "./frontier-svg.ts";
import {
  curveWords,
  factorText,
  limitTexts,
  nodesText,
  noteTexts,
  platformText,
  pricesText,
  usd,
  variedText,
} from "./frontier-wording.ts";
import { escapeMarkup } from "./markup.ts";

/** A what-if as one HTML file: charts, tables and what to know before trusting them. No scripts, nothing from outside. */
export async function renderFrontierPage(frontier: Frontier): Promise<string> {
  const title = escapeMarkup(`What ${frontier.platform} would cost`);
  const sections = await Promise.all(frontier.curves.map((curve) => curveSection(frontier, curve)));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>
${pageStyle}
${chartStyle}
</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${escapeMarkup(platformText(frontier))}; ${escapeMarkup(pricesText(frontier))}${budgetText(frontier)}.</p>
${noteList(frontier)}
${sections.join("\n")}
</main>
</body>
</html>
`;
}

const pageStyle = `:root { --ground: #ffffff; --ink: #1f2937; --faint: #6b7280; --line: #e5e7eb; --mark: #eff6ff; --alarm: #b91c1c; }
@media screen and (prefers-color-scheme: dark) {
:root { --ground: #111827; --ink: #e5e7eb; --faint: #9ca3af; --line: #374151; --mark: #1e293b; --alarm: #f87171; }
}
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; }
figure { margin: 1rem 0; }
figure svg { width: 100%; height: auto; }
ul { padding-left: 1.2rem; }
ol { padding-left: 1.8rem; font-size: .85rem; }
.notes { color: var(--faint); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.spec { background: var(--mark); font-weight: 600; }
.alarm { color: var(--alarm); }
@media print {
main { max-width: none; padding: 0; }
section { break-before: page; }
section:first-of-type { break-before: auto; }
figure, tr { break-inside: avoid; }
}`;

function budgetText({ budgetUsdPerHour }: Frontier): string {
  return budgetUsdPerHour === undefined ? "" : `; budget ${usd(budgetUsdPerHour)} USD/h`;
}

function noteList(frontier: Frontier): string {
  const notes = noteTexts(frontier);
  if (notes.length === 0) return "";
  return `<ul class="notes">\n${notes.map((note) => `<li>${escapeMarkup(note)}</li>`).join("\n")}\n</ul>`;
}

async function curveSection(frontier: Frontier, curve: FrontierCurve): Promise<string> {
  const words = curveWords[curve.vary];
  const limits = limitTexts(frontier, curve).map((text) => `<li>${escapeMarkup(text)}</li>`);
  return `<section>
<h2>${escapeMarkup(words.title)}</h2>
<p>Varied: ${escapeMarkup(variedText(curve))}.</p>
<ul>
${limits.join("\n")}
</ul>
<figure>
${await frontierSvgElement(frontier, curve)}
</figure>
${switchList(curve)}
<div class="scroll">
<table>
<thead><tr><th scope="col" class="number">${words.factor}</th>${numberHeads}<th scope="col">node pools</th></tr></thead>
<tbody>
${curve.points.map(tableRow).join("\n")}
</tbody>
</table>
</div>
</section>`;
}

/** Numbered as the chart's places, each with everything that changes there. */
function switchList(curve: FrontierCurve): string {
  const marks = switchMarks(curve);
  if (marks.length === 0) return "";
  const items = marks.map((mark) => `<li>${switchTexts(mark).map(escapeMarkup).join("<br>")}</li>`);
  return `<p>Other cards are chosen at the numbered places:</p>\n<ol>\n${items.join("\n")}\n</ol>`;
}

const numberHeads = ["USD/h", "nodes", "GPUs", "replicas", "servers placed"]
  .map((head) => `<th scope="col" class="number">${head}</th>`)
  .join("");

function tableRow(point: FrontierPoint): string {
  const spec = point.factor === 1;
  const number = (text: string, alarm = false) => `<td class="number${alarm ? " alarm" : ""}">${text}</td>`;
  const cells = [
    `<th scope="row" class="number">${spec ? "the spec, " : ""}${factorText(point.factor)}</th>`,
    number(
      `${usd(point.usdPerHour)}${point.withinBudget === false ? " (over budget)" : ""}`,
      point.withinBudget === false,
    ),
    number(String(point.nodes)),
    number(String(point.gpus)),
    number(String(point.replicas)),
    number(`${point.serversPlaced} of ${point.servers}`, point.serversPlaced < point.servers),
    // A line ends between two kinds of nodes, not within one.
    `<td>${escapeMarkup(nodesText(point)).replaceAll(/(\d) /g, "$1\u00a0")}</td>`,
  ];
  return `<tr${spec ? ' class="spec"' : ""}>${cells.join("")}</tr>`;
}
