import type { Axis, Legend, Mark, Spec } from "vega";
import {
  budgetLine,
  chartColours,
  plot,
  spanMarks,
  specPoint,
  stackedCost,
  switchBadges,
  textMark,
  totalLine,
} from "./frontier-marks.ts";
import type { Frontier, FrontierCurve } from "../../platform/frontier/frontier.ts";
import {
  acceleratorsOf,
  acceleratorUsdPerHour,
  costAxis,
  switchMarks,
  switchTexts,
  type SwitchMark,
} from "./frontier-series.ts";
import { curveWords, platformText, pricesText, variedText } from "./frontier-wording.ts";

/** Okabe and Ito's, which differ for every kind of colour vision, on light and on dark ground. */
const acceleratorColours = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#d55e00",
  "#f0e442",
  "#999999",
];

/** What stands around the drawing area, in px. */
const margin = { left: 68, right: 28, top: 46, bottom: 58 } as const;
/** Room for the title of a chart that stands alone. */
const headingHeight = 42;
/** Lines under the chart that say which cards change; the table has the rest. */
const listedChanges = 16;
const changeLineHeight = 16;

const { ground, ink, faint, grid } = chartColours;

/**
 * A curve as a Vega specification: the cost of nodes stacked by accelerator, the budget, the spec as written, where
 * servers are left out, and where other cards are chosen. Sized by itself, so that charts of one what-if line up.
 *
 * @param standsAlone adds what a page says around the chart: the title, and what changes at the numbered places
 */
export function frontierChart(frontier: Frontier, curve: FrontierCurve, standsAlone: boolean): Spec {
  const factors = curve.points.map(({ factor }) => factor);
  const accelerators = acceleratorsOf(frontier);
  const axis = costAxis(frontier, curve);
  const marks = switchMarks(curve);
  const lines = standsAlone ? changeLines(marks) : [];
  return {
    ...plot,
    padding: {
      ...margin,
      top: margin.top + (standsAlone ? headingHeight : 0),
      bottom: margin.bottom + lines.length * changeLineHeight,
    },
    autosize: "none",
    background: ground,
    config: { text: { font: "system-ui, sans-serif", fontSize: 11, fill: ink } },
    data: [
      {
        name: "cost",
        values: curve.points.flatMap((point) =>
          accelerators.map((accelerator) => ({
            factor: point.factor,
            accelerator,
            usd: acceleratorUsdPerHour(point, accelerator),
          })),
        ),
        transform: [{ type: "stack", groupby: ["factor"], field: "usd" }],
      },
      {
        name: "total",
        values: curve.points.map((point) => ({
          factor: point.factor,
          usd: point.usdPerHour,
          complete: point.serversPlaced === point.servers,
          onAxis: point.usdPerHour <= axis.topUsdPerHour,
        })),
      },
      { name: "points", source: "total", transform: [{ type: "filter", expr: "datum.onAxis" }] },
    ],
    scales: [
      {
        name: "x",
        type: "log",
        base: 2,
        domain: [Math.min(...factors), Math.max(...factors)],
        range: "width",
      },
      { name: "y", domain: [0, axis.topUsdPerHour], range: "height", clamp: true },
      { name: "accelerator", type: "ordinal", domain: accelerators, range: acceleratorColours },
    ],
    axes: [costAxisSpec, factorAxisSpec(curve, factors)],
    legends: accelerators.length > 0 ? [legendOf(accelerators)] : [],
    marks: [
      ...(standsAlone ? heading(frontier, curve) : []),
      ...spanMarks(curve, axis.topUsdPerHour),
      stackedCost,
      ...totalLine,
      ...(axis.budgetUsdPerHour === undefined ? [] : budgetLine(axis.budgetUsdPerHour)),
      ...specPoint(curve),
      ...switchBadges(marks, curve),
      ...lines.map((text, index) =>
        textMark(text, { x: 0, y: plot.height + margin.bottom + index * changeLineHeight }),
      ),
    ],
  };
}

const axisText = {
  labelColor: ink,
  titleColor: ink,
  titleFontWeight: "normal",
  titleFontSize: 11,
  labelFontSize: 11,
};
const axisFont = { labelFont: "system-ui, sans-serif", titleFont: "system-ui, sans-serif" };

const costAxisSpec: Axis = {
  scale: "y",
  orient: "left",
  title: "nodes, USD/h",
  grid: true,
  gridColor: grid,
  tickCount: 6,
  domain: false,
  ticks: false,
  labelPadding: 6,
  zindex: 0,
  ...axisText,
  ...axisFont,
} as Axis;

/** Powers of two are what readers ask for; a range without two of them shows its own ends. */
function factorAxisSpec(curve: FrontierCurve, factors: readonly number[]): Axis {
  const [first = 1, last = 1] = [factors[0], factors.at(-1)];
  const powers = Array.from({ length: 15 }, (_, index) => 2 ** (index - 7)).filter(
    (power) => first <= power && power <= last,
  );
  return {
    scale: "x",
    orient: "bottom",
    title: curveWords[curve.vary].axis,
    values: powers.length > 1 ? powers : [first, 1, last],
    domainColor: faint,
    tickColor: faint,
    titlePadding: 8,
    encode: { labels: { update: { text: { signal: "format(datum.value, '.3~r') + 'x'" } } } },
    ...axisText,
    ...axisFont,
  } as Axis;
}

function legendOf(accelerators: readonly string[]): Legend {
  return {
    fill: "accelerator",
    orient: "none",
    legendX: 0,
    legendY: -34,
    direction: "horizontal",
    columns: accelerators.length,
    symbolType: "square",
    symbolSize: 110,
    symbolOpacity: 0.85,
    columnPadding: 14,
    labelColor: ink,
    labelFont: "system-ui, sans-serif",
    labelFontSize: 11,
  };
}

function heading(frontier: Frontier, curve: FrontierCurve): Mark[] {
  return [
    textMark(curveWords[curve.vary].title, { x: 0, y: -66 }, { fontSize: 15, fontWeight: "bold" }),
    textMark(
      `${platformText(frontier)}, ${variedText(curve)}; ${pricesText(frontier)}`,
      { x: 0, y: -48 },
      { fill: faint },
    ),
  ];
}

function changeLines(marks: readonly SwitchMark[]): string[] {
  const lines = marks.flatMap((mark) => switchTexts(mark).map((text) => `${mark.number}: ${text}`));
  if (lines.length <= listedChanges) return lines;
  return [...lines.slice(0, listedChanges - 1), `… and ${lines.length - listedChanges + 1} more changes`];
}
