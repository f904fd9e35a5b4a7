import { parse, View } from "vega";
import type { Frontier, FrontierCurve } from "../../platform/frontier/frontier.ts";
import { frontierChart } from "./frontier-chart.ts";
import { chartColours } from "./frontier-marks.ts";
import { curveWords, limitTexts, platformText, usd } from "./frontier-wording.ts";
import { escapeMarkup } from "./markup.ts";

// Vega draws without a browser or an emulated one, is typed, maintained, and gives the same bytes for the same input:
// 16 MB in 62 packages without install scripts. ECharts is 67 MB; Observable Plot needs an emulated DOM (13 MB in 57
// packages together) and has not been released since May 2025; Vega-Lite adds 9 MB to draw the same.

/** The dark theme replaces colours by role; what knows no style sheets shows the light one. Prints are light. */
export const chartStyle = `@media screen and (prefers-color-scheme: dark) {
${darkRules()}
}`;

function darkRules(): string {
  const dark = {
    ground: "#111827",
    ink: "#e5e7eb",
    faint: "#9ca3af",
    grid: "#374151",
    alarm: "#f87171",
  } as const;
  return (["ground", "ink", "faint", "grid", "alarm"] as const)
    .flatMap((role) =>
      (["fill", "stroke"] as const).map(
        (paint) => `.frontier [${paint}="${chartColours[role]}"] { ${paint}: ${dark[role]}; }`,
      ),
    )
    .join("\n");
}

/** All charts of a what-if as one SVG file, one below the other; it refers to nothing outside. */
export async function renderFrontierSvg(frontier: Frontier): Promise<string> {
  const charts = await Promise.all(frontier.curves.map((curve) => drawnChart(frontier, curve, true)));
  const width = Math.max(...charts.map((chart) => chart.width));
  const height = charts.reduce((sum, chart) => sum + chart.height, 0);
  let top = 0;
  const placed = charts.map((chart) => {
    const element = chartElement(chart, ` y="${top}"`);
    top += chart.height;
    return element;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">\n` +
    `<title>${escapeMarkup(platformText(frontier))}</title>\n` +
    `<style>${chartStyle}</style>\n${placed.join("\n")}\n</svg>\n`
  );
}

/** One curve as an SVG element for a page that has {@link chartStyle}. */
export async function frontierSvgElement(frontier: Frontier, curve: FrontierCurve): Promise<string> {
  return chartElement(await drawnChart(frontier, curve, false), "");
}

interface DrawnChart {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly width: number;
  readonly height: number;
  /** What is in the `svg` element. */
  readonly content: string;
}

async function drawnChart(
  frontier: Frontier,
  curve: FrontierCurve,
  standsAlone: boolean,
): Promise<DrawnChart> {
  const view = new View(parse(frontierChart(frontier, curve, standsAlone)), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  const [, attributes = "", content = ""] = /^<svg([^>]*)>(.*)<\/svg>$/s.exec(svg) ?? [];
  const sizeOf = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(attributes)?.[1]);
  const base = curve.points.find(({ factor }) => factor === 1);
  const sentences = [
    ...(base ? [`the spec as written costs ${usd(base.usdPerHour)} USD/h`] : []),
    ...limitTexts(frontier, curve),
  ];
  return {
    id: `frontier-${curve.vary}`,
    title: curveWords[curve.vary].title,
    description: `${sentences.join("; ")}.`,
    width: sizeOf("width"),
    height: sizeOf("height"),
    content,
  };
}

function chartElement(chart: DrawnChart, position: string): string {
  const { id, width, height } = chart;
  return (
    `<svg class="frontier"${position} width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `role="img" aria-labelledby="${id}-title ${id}-description">\n` +
    `<title id="${id}-title">${escapeMarkup(chart.title)}</title>\n` +
    `<desc id="${id}-description">${escapeMarkup(chart.description)}</desc>\n${chart.content}\n</svg>`
  );
}
