import { SaxesParser, type SaxesTagPlain } from "saxes";
import { beforeAll, describe, expect, test } from "vitest";
import { renderFrontierPage } from "../../cli/render/frontier-page.ts";
import { costAxis, spansOf, switchMarks } from "../../cli/render/frontier-series.ts";
import { renderFrontierSvg } from "../../cli/render/frontier-svg.ts";
import { certain } from "../../optimizer/certain.ts";
import { geometricFactors } from "../../platform/frontier/factors.ts";
import { frontierOf } from "../../platform/frontier/frontier-of.ts";
import type { Frontier, FrontierCurve, FrontierPoint } from "../../platform/frontier/frontier.ts";
import { parsed, smallSpec } from "../support/spec-fixture.ts";

// The tightest targets leave servers out, the highest load goes beyond the budget.
const frontier = frontierOf(parsed(`${smallSpec}budget: 100 USD/h\n`), {
  vary: ["load", "slo"],
  factors: geometricFactors(0.05, 20, 17),
});

interface Parsed {
  readonly tags: readonly SaxesTagPlain[];
  readonly texts: readonly string[];
}

/** Reads XML strictly; throws where it is not well-formed. */
function xml(text: string): Parsed {
  const parser = new SaxesParser();
  const tags: SaxesTagPlain[] = [];
  const texts: string[] = [];
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", (tag) => tags.push(tag));
  parser.on("text", (found) => texts.push(found.trim()));
  parser.write(text).close();
  return { tags, texts: texts.filter(Boolean) };
}

function point(factor: number, usdPerHour: number, serversPlaced = 2): FrontierPoint {
  return {
    factor,
    usdPerHour,
    serversPlaced,
    servers: 2,
    nodes: 1,
    gpus: 1,
    replicas: 1,
    groups: [],
    nodePools: [{ accelerator: "L4", instanceType: "g6.xlarge", nodes: 1, usdPerHour }],
    unplaced: [],
    changes: [],
  };
}

function curveOf(points: readonly FrontierPoint[]): FrontierCurve {
  return { vary: "load", servers: ["a/b/1/Free"], points, placed: { holds: "throughout" } };
}

describe("the SVG file", () => {
  let svg = "";
  beforeAll(async () => {
    svg = await renderFrontierSvg(frontier);
  });

  test("is well-formed XML with one labelled chart for each curve", () => {
    const { tags } = xml(svg);
    const charts = tags.filter(({ name, attributes }) => name === "svg" && attributes.role === "img");
    const ids = new Set(tags.map(({ attributes }) => attributes.id));
    expect(charts.map(({ attributes }) => attributes["aria-labelledby"])).toEqual([
      "frontier-load-title frontier-load-description",
      "frontier-slo-title frontier-slo-description",
    ]);
    for (const { attributes } of charts)
      for (const id of (attributes["aria-labelledby"] ?? "").split(" ")) expect(ids).toContain(id);
  });

  test("is the same, byte for byte, each time it is drawn", async () => {
    expect(await renderFrontierSvg(frontier)).toBe(svg);
  });

  test("refers to nothing outside and runs nothing", () => {
    expect(svg.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:|url\(|@import/);
    const { tags } = xml(svg);
    expect(tags.map(({ name }) => name)).not.toContain("script");
    expect(
      tags.flatMap(({ attributes }) => Object.keys(attributes)).filter((name) => /^on|href/.test(name)),
    ).toEqual([]);
  });

  test("names budget, spec, accelerators, what is left out and where other cards are chosen", () => {
    const { texts } = xml(svg);
    expect(texts).toEqual(
      expect.arrayContaining([
        "budget 100.00 USD/h",
        "servers left out",
        "L4",
        "H100-80G",
        "Cost against load",
      ]),
    );
    expect(texts.some((text) => /^the spec: \d+\.\d\d USD\/h$/.test(text))).toBe(true);
    expect(texts.some((text) => /^1: at [\d.]+x, .+ → .+/.test(text))).toBe(true);
  });

  test("keeps a dark theme for screens that ask for one", () => {
    expect(svg).toContain("@media screen and (prefers-color-scheme: dark)");
  });

  test("stays well-formed with names that are markup", async () => {
    const hostile = `<script a="1">&'`;
    const text = await renderFrontierSvg({
      ...frontier,
      platform: hostile,
      curves: frontier.curves.map((curve) => ({
        ...curve,
        servers: [hostile],
        points: curve.points.map((one) => ({
          ...one,
          nodePools: one.nodePools.map((pool) => ({ ...pool, accelerator: hostile })),
          changes: one.changes.map((change) => ({ ...change, group: hostile })),
        })),
      })),
    });
    expect(xml(text).tags.map(({ name }) => name)).not.toContain("script");
    expect(xml(text).texts).toContain(hostile);
  });
});

describe("the HTML page", () => {
  let page = "";
  beforeAll(async () => {
    page = await renderFrontierPage(frontier);
  });

  test("refers to nothing outside and runs nothing", () => {
    expect(page).not.toMatch(/https?:|<script|url\(|@import|<link|\ssrc=|\shref=/);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  });

  test("has a row for every point, marks the spec, and says what the figures rest on", () => {
    for (const curve of frontier.curves) expect(page).toContain(`frontier-${curve.vary}-title`);
    const rows = frontier.curves.reduce((sum, curve) => sum + curve.points.length, 0);
    expect(page.match(/<tr( class="spec")?><th scope="row"/g)).toHaveLength(rows);
    expect(page.match(/<tr class="spec">/g)).toHaveLength(2);
    expect(page).toContain("catalog 2026-11, on-demand us-east-1, prices as of ");
    expect(page).toContain("estimated, not measured (±50 % of the times): bert-base, llama-3-70b");
  });

  test("is the same, byte for byte, each time it is written", async () => {
    expect(await renderFrontierPage(frontier)).toBe(page);
  });

  test("escapes every name", async () => {
    const hostile = "<img src=x onerror=alert(1)>";
    const text = await renderFrontierPage({
      ...frontier,
      platform: hostile,
      fixedGroups: [hostile],
      catalog: { version: hostile, pricesAsOf: hostile, region: hostile },
      estimates: { models: [hostile], uncertaintyFraction: 0.5 },
      curves: frontier.curves.map((curve) => ({
        ...curve,
        servers: [hostile],
        points: curve.points.map((one) => ({
          ...one,
          nodePools: one.nodePools.map((pool) => ({ ...pool, instanceType: hostile, accelerator: hostile })),
          changes: one.changes.map((change) => ({ ...change, group: hostile })),
          unplaced: one.unplaced.map((left) => ({ ...left, servers: [hostile] })),
        })),
      })),
    });
    expect(text).not.toContain("<img");
    expect(text).toContain("&lt;img src=x onerror=alert(1)&gt;");
  });
});

describe("what a chart shows", () => {
  const none: Frontier = { ...frontier, curves: [] };
  const { budgetUsdPerHour: _budget, ...withoutBudget } = none;

  test("the cost axis holds every cost and the budget", () => {
    const axis = costAxis(
      { ...none, budgetUsdPerHour: 30 },
      curveOf([point(0.5, 10), point(1, 20), point(2, 25)]),
    );
    expect(axis.topUsdPerHour).toBeGreaterThan(30);
    expect(axis.budgetUsdPerHour).toBe(30);
  });

  test("a budget far above every cost is not drawn", () => {
    const axis = costAxis({ ...none, budgetUsdPerHour: 1000 }, curveOf([point(1, 20)]));
    expect(axis.topUsdPerHour).toBeLessThan(30);
    expect(axis).not.toHaveProperty("budgetUsdPerHour");
  });

  test("the axis is cut at twice budget or present cost where cost jumps to more than five times", () => {
    const jump = curveOf([point(1, 20), point(2, 1000)]);
    expect(costAxis({ ...none, budgetUsdPerHour: 30 }, jump).topUsdPerHour).toBe(60);
    expect(costAxis(withoutBudget, jump).topUsdPerHour).toBe(40);
  });

  test("nothing at all costs nothing, and still has an axis", () => {
    expect(costAxis(withoutBudget, curveOf([point(1, 0)])).topUsdPerHour).toBe(1);
  });

  test("what is left out spans from halfway before the first point to halfway after the last", () => {
    const points = [point(0.25, 5, 1), point(1, 9), point(4, 7, 1), point(16, 8, 1)];
    expect(spansOf(points, (one) => one.serversPlaced < one.servers)).toEqual([
      { from: 0.25, to: 0.5, usdPerHour: 5 },
      { from: 2, to: 16, usdPerHour: 8 },
    ]);
  });

  test("numbered places are those where cards change, not counts", () => {
    const shape = { accelerator: "L4", gpusPerReplica: 1, replicas: 1 };
    const more = { ...shape, replicas: 2 };
    const marks = switchMarks(
      curveOf([
        point(1, 5),
        { ...point(2, 5), changes: [{ group: "a", kind: "replicas", from: shape, to: more }] },
        { ...point(4, 5), changes: [{ group: "a", kind: "unplaced", from: more }] },
      ]),
    );
    expect(marks.map(({ number, factor }) => ({ number, factor }))).toEqual([{ number: 1, factor: 4 }]);
    expect(certain(marks[0]).edge).toBeCloseTo(Math.sqrt(8), 9);
  });
});
