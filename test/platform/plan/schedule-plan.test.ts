import { describe, expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { parsed, problemsOf, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

/** The chat model gets 60 requests a minute at the factor 1. */
function chatWith(rate: string, daily: readonly number[]): string {
  return smallSpecWith("load: { rate: 60/min,", `load: { rate: ${rate}, daily: [${daily.join(", ")}],`);
}
const hours = (factorOf: (hour: number) => number) => Array.from({ length: 24 }, (_, hour) => factorOf(hour));
const office = hours((hour) => (hour >= 8 && hour < 18 ? 1 : 0.1));
const chat = "chat-llama-3-70b-premium";

describe("a plan for loads by the hour", () => {
  const plan = planPlatform(parsed(chatWith("1200/min", office)));
  const group = plan.groups.find(({ name }) => name === chat);

  test("sizes each part of the day, and the platform for the busiest", () => {
    const sizes = plan.schedule?.periods.map(({ fromHour, hours: lasting, replicas }) => [
      fromHour,
      lasting,
      replicas[chat],
    ]);
    expect(sizes?.map(([from, lasting]) => [from, lasting])).toEqual([
      [0, 8],
      [8, 10],
      [18, 6],
    ]);
    expect(sizes?.[1]?.[2]).toBe(group?.replicas);
    expect(sizes?.[0]?.[2]).toBeLessThan(group?.replicas ?? 0);
    expect(sizes?.[2]?.[2]).toBe(sizes?.[0]?.[2]);
  });

  test("is the plan of the busiest hour, its smallest node count aside", () => {
    const flat = planPlatform(
      parsed(
        chatWith(
          "1200/min",
          hours(() => 1),
        ),
      ),
    );
    const { schedule, nodePools, ...rest } = plan;
    expect(schedule).toBeDefined();
    const { nodePools: flatPools, ...flatRest } = flat;
    expect(rest).toEqual(flatRest);
    expect(nodePools.map(({ minNodes: _, ...pool }) => pool)).toEqual(
      flatPools.map(({ minNodes: _, ...pool }) => pool),
    );
  });

  test("sizes the quiet hours as a plan for their load would, on the same accelerator", () => {
    const quiet = planPlatform(
      parsed(
        smallSpecWith("load: { rate: 60/min,", "load: { rate: 120/min,").replace(
          "use: [L4, H100-80G]",
          `use: [L4, ${group?.accelerator}]`,
        ),
      ),
    );
    const alone = quiet.groups.find(({ name }) => name === chat);
    if (alone?.gpusPerReplica === group?.gpusPerReplica && alone?.accelerator === group?.accelerator) {
      expect(plan.schedule?.periods[0]?.replicas[chat]).toBe(alone?.replicas);
    }
    expect(plan.schedule?.periods[0]?.replicas[chat]).toBeGreaterThanOrEqual(1);
  });

  test("keeps a group without a curve as large all day", () => {
    for (const { replicas } of plan.schedule?.periods ?? []) expect(replicas.tabular).toBe(1);
  });

  test("keeps one replica where nothing arrives", () => {
    const idle = planPlatform(
      parsed(
        chatWith(
          "1200/min",
          hours((hour) => Number(hour >= 12)),
        ),
      ),
    );
    expect(idle.schedule?.periods[0]?.replicas[chat]).toBe(1);
  });

  test("says what following the day saves, and lets node groups shrink to its quietest part", () => {
    const { periods = [], usdPerDay = 0, usdPerDayAtPeak = 0 } = plan.schedule ?? {};
    expect(usdPerDayAtPeak).toBeCloseTo(24 * plan.totals.usdPerHour, 6);
    expect(usdPerDay).toBeLessThan(usdPerDayAtPeak);
    expect(usdPerDay).toBeCloseTo(
      periods.reduce((sum, { hours: lasting, usdPerHour }) => sum + lasting * usdPerHour, 0),
      6,
    );
    for (const pool of plan.nodePools) {
      const counts = periods.map(({ nodes }) => nodes[pool.instanceType] ?? 0);
      expect(pool.minNodes).toBe(Math.min(pool.desiredNodes, ...counts));
      expect(pool.maxNodes).toBeGreaterThan(Math.max(pool.desiredNodes, ...counts));
    }
    expect(plan.nodePools.some(({ minNodes, desiredNodes }) => minNodes < desiredNodes)).toBe(true);
  });

  test("has no schedule where loads are the same all day", () => {
    expect(planPlatform(parsed(smallSpec)).schedule).toBeUndefined();
  });

  test.each([
    ["23 hours", hours(() => 1).slice(1)],
    ["a negative factor", hours((hour) => (hour === 3 ? -1 : 1))],
    ["a factor beyond measure", hours((hour) => (hour === 3 ? 1000 : 1))],
  ])("refuses a curve with %s", (_, daily) => {
    expect(
      problemsOf(chatWith("60/min", daily)).map(({ code, path }) => [code, path?.split("daily")[0]]),
    ).toEqual([["SPEC_TYPE_INVALID", "engines[1].models[0].traffic[0].load."]]);
  });
});
