import type { Mark } from "vega";
import type { FrontierCurve } from "../../platform/frontier/frontier.ts";
import { spansOf, type Span, type SwitchMark } from "./frontier-series.ts";
import { usd } from "./frontier-wording.ts";

/** Colours that stand for a role; the dark theme replaces them one by one. */
export const chartColours = {
  ground: "#ffffff",
  ink: "#1f2937",
  faint: "#6b7280",
  grid: "#e5e7eb",
  alarm: "#b91c1c",
} as const;

/** The drawing area in px: readable on a laptop and on A4. */
export const plot = { width: 660, height: 280 } as const;
/** Characters of a line that fit: Vega, which cannot measure text without a browser, would cut much earlier. */
const lineCharacters = 112;

const { ground, ink, alarm } = chartColours;

interface TextStyle {
  readonly fontSize?: number;
  readonly fontWeight?: string;
  readonly fill?: string;
  readonly align?: "left" | "center" | "right";
}

type Place = number | { readonly scale: "x" | "y"; readonly value: number; readonly offset?: number };

export function textMark(
  text: string,
  at: { readonly x: Place; readonly y: Place },
  style: TextStyle = {},
): Mark {
  const place = (value: Place) => (typeof value === "number" ? { value } : value);
  const styled = Object.entries(style).map(([name, value]) => [name, { value }] as const);
  return {
    type: "text",
    encode: {
      enter: {
        x: place(at.x),
        y: place(at.y),
        text: { value: text.length > lineCharacters ? `${text.slice(0, lineCharacters - 1)}…` : text },
        ...Object.fromEntries(styled),
      },
    },
  } as Mark;
}

/** Text over areas and lines: its outline in the ground's colour lies below it. */
function textWithHalo(text: string, at: { readonly x: Place; readonly y: Place }, style: TextStyle): Mark[] {
  const letters = textMark(text, at, style);
  const halo = structuredClone(letters) as { encode: { enter: object } };
  Object.assign(halo.encode.enter, {
    stroke: { value: ground },
    strokeWidth: { value: 3 },
    fill: { value: ground },
  });
  return [halo as Mark, letters];
}

/** Shades where servers are left out, and says what is beyond the cut axis. */
export function spanMarks(curve: FrontierCurve, topUsdPerHour: number): Mark[] {
  const leftOut = spansOf(curve.points, (point) => point.serversPlaced < point.servers);
  const beyond = spansOf(curve.points, (point) => point.usdPerHour > topUsdPerHour);
  const end = curve.points.at(-1)?.factor;
  const above = (span: Span, text: string, fill: string): Mark =>
    // A label over the last stretch ends with it, or it would run out of the picture.
    span.to === end
      ? textMark(text, { x: { scale: "x", value: span.to }, y: -5 }, { align: "right", fill })
      : textMark(text, { x: { scale: "x", value: span.from }, y: -5 }, { align: "left", fill });
  return [
    ...leftOut.flatMap((span) => [shade(span), above(span, "servers left out", alarm)]),
    ...beyond.map((span) => above(span, `beyond the axis: up to ${usd(span.usdPerHour)} USD/h ↑`, ink)),
  ];
}

function shade(span: Span): Mark {
  return {
    type: "rect",
    encode: {
      enter: {
        x: { scale: "x", value: span.from },
        x2: { scale: "x", value: span.to },
        y: { value: 0 },
        y2: { value: plot.height },
        fill: { value: alarm },
        fillOpacity: { value: 0.1 },
      },
    },
  };
}

export const stackedCost: Mark = {
  type: "group",
  from: { facet: { name: "series", data: "cost", groupby: "accelerator" } },
  marks: [
    {
      type: "area",
      from: { data: "series" },
      encode: {
        enter: {
          interpolate: { value: "step" },
          x: { scale: "x", field: "factor" },
          y: { scale: "y", field: "y1" },
          y2: { scale: "y", field: "y0" },
          fill: { scale: "accelerator", field: "accelerator" },
          fillOpacity: { value: 0.85 },
        },
      },
    },
  ],
};

/** Steps change halfway between two points: where in between the plan does is not known. */
export const totalLine: Mark[] = [
  {
    type: "line",
    from: { data: "total" },
    encode: {
      enter: {
        interpolate: { value: "step" },
        x: { scale: "x", field: "factor" },
        y: { scale: "y", field: "usd" },
        stroke: { value: ink },
        strokeWidth: { value: 1.5 },
      },
    },
  },
  {
    type: "symbol",
    from: { data: "points" },
    encode: {
      enter: {
        x: { scale: "x", field: "factor" },
        y: { scale: "y", field: "usd" },
        size: { value: 22 },
        stroke: { value: ink },
        // Hollow where the cost is that of a part of the servers.
        fill: [{ test: "datum.complete", value: ink }, { value: ground }],
      },
    },
  },
];

export function budgetLine(budgetUsdPerHour: number): Mark[] {
  const y = { scale: "y", value: budgetUsdPerHour } as const;
  return [
    {
      type: "rule",
      encode: {
        enter: {
          x: { value: 0 },
          x2: { value: plot.width },
          y,
          stroke: { value: alarm },
          strokeWidth: { value: 1.5 },
          strokeDash: { value: [6, 4] },
        },
      },
    },
    ...textWithHalo(
      `budget ${usd(budgetUsdPerHour)} USD/h`,
      { x: 6, y: { ...y, offset: -6 } },
      { fill: alarm },
    ),
  ];
}

export function specPoint(curve: FrontierCurve): Mark[] {
  const base = curve.points.find(({ factor }) => factor === 1);
  if (!base) return [];
  const at = { x: { scale: "x", value: 1 }, y: { scale: "y", value: base.usdPerHour } } as const;
  return [
    {
      type: "rule",
      encode: {
        enter: {
          x: at.x,
          y: { value: 0 },
          y2: { value: plot.height },
          stroke: { value: ink },
          strokeDash: { value: [2, 3] },
        },
      },
    },
    {
      type: "symbol",
      encode: {
        enter: {
          ...at,
          size: { value: 80 },
          stroke: { value: ink },
          strokeWidth: { value: 2 },
          fill: { value: ground },
        },
      },
    },
    ...textWithHalo(
      `the spec: ${usd(base.usdPerHour)} USD/h${base.serversPlaced < base.servers ? " for a part" : ""}`,
      { x: { ...at.x, offset: 8 }, y: { ...at.y, offset: -10 } },
      { fontWeight: "bold" },
    ),
  ];
}

/** A badge is this wide, in px, its outline included. */
const badgeWidth = 18;

/** The numbers of the places where other cards are chosen, above the factor axis; one that would hide the last one is raised. */
export function switchBadges(marks: readonly SwitchMark[], curve: FrontierCurve): Mark[] {
  const [first = 1, last = 1] = [curve.points[0]?.factor, curve.points.at(-1)?.factor];
  const pxOf = (factor: number) => (Math.log(factor / first) / Math.log(last / first)) * plot.width;
  const lastPx = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return marks.flatMap((mark) => {
    const px = pxOf(mark.edge);
    const row = lastPx.findIndex((taken) => px - taken >= badgeWidth);
    // Where both rows are taken, the lower one is as good: only a hundred steps lie that close.
    const chosen = Math.max(row, 0);
    lastPx[chosen] = px;
    return switchBadge(mark, plot.height - 11 - chosen * badgeWidth);
  });
}

function switchBadge({ number, edge }: SwitchMark, y: number): Mark[] {
  const x = { scale: "x", value: edge } as const;
  return [
    {
      type: "symbol",
      encode: {
        enter: { x, y: { value: y }, size: { value: 215 }, fill: { value: ground }, stroke: { value: ink } },
      },
    },
    textMark(String(number), { x, y: y + 3.5 }, { align: "center", fontSize: 10 }),
  ];
}
