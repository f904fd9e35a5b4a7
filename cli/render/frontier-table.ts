import type { Frontier, FrontierCurve, FrontierPoint } from "../../platform/frontier/frontier.ts";
import {
  changeText,
  curveWords,
  factorText,
  limitTexts,
  nodesText,
  noteTexts,
  platformText,
  pricesText,
  variedText,
  switches,
  usd,
} from "./frontier-wording.ts";
import { renderTable } from "./table.ts";

/** A what-if as text: a table for each curve, where it ends, and which decisions change on the way. */
export function renderFrontier(frontier: Frontier): string {
  const sections = [
    `${platformText(frontier)}: ${pricesText(frontier)}`,
    ...frontier.curves.flatMap((curve) => ["", ...curveLines(frontier, curve)]),
    "",
    ...noteTexts(frontier),
  ];
  return `${sections.join("\n").trimEnd()}\n`;
}

function curveLines(frontier: Frontier, curve: FrontierCurve): string[] {
  const words = curveWords[curve.vary];
  const changes = curve.points.flatMap((point) =>
    switches(point).map((change) => `  ${factorText(point.factor)}  ${changeText(change)}`),
  );
  return [
    `${words.title} (${variedText(curve)})`,
    renderTable(
      [words.factor, "USD/h", "nodes", "GPUs", "replicas", "placed", "node pools"],
      curve.points.map(row),
      [0, 1, 2, 3, 4, 5],
    ),
    ...limitTexts(frontier, curve),
    ...(changes.length > 0 ? ["other cards from", ...changes] : []),
  ];
}

function row(point: FrontierPoint): string[] {
  return [
    `${point.factor === 1 ? "spec " : ""}${factorText(point.factor)}`,
    `${point.withinBudget === false ? "over " : ""}${usd(point.usdPerHour)}`,
    String(point.nodes),
    String(point.gpus),
    String(point.replicas),
    `${point.serversPlaced}/${point.servers}`,
    nodesText(point),
  ];
}
