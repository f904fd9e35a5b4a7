import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadBound } from "../../../../services/proxy/routing/bounded-load.ts";
import { sessionEndpoint } from "../../../../services/proxy/routing/session-affinity.ts";
import { idleEndpoints, type MutableEndpoint } from "./affinity-endpoints.ts";

const sessions = Array.from({ length: 10_000 }, (_, at) => `session-${at}`);

const urlsOf = (endpoints: readonly MutableEndpoint[]): readonly (string | undefined)[] =>
  sessions.map((session) => endpoints[sessionEndpoint(endpoints, 1, session)]?.url);

describe("the endpoint of a session", () => {
  it("stays the same whatever the order of the endpoints", () => {
    const endpoints = idleEndpoints(7);
    expect(urlsOf(endpoints.toReversed())).toEqual(urlsOf(endpoints));
  });

  it("is spread evenly: chi-square below its 99.9 % quantile", () => {
    const counts = Map.groupBy(urlsOf(idleEndpoints(10)), (url) => url);
    const chiSquare = [...counts.values()].reduce((sum, held) => sum + (held.length - 1_000) ** 2 / 1_000, 0);
    expect(counts.size).toBe(10);
    expect(chiSquare).toBeLessThan(27.88);
  });

  it("moves only to an endpoint that came, and only from one that went", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), (count) => {
        const more = idleEndpoints(count + 1);
        const fewer = more.slice(0, count);
        const added = more[count]?.url;
        const before = urlsOf(fewer);
        const after = urlsOf(more);
        const moved = after.filter((url, at) => url !== before[at]);
        expect(new Set(moved)).toEqual(new Set([added]));
        const share = 1 / (count + 1);
        const deviation = Math.sqrt((share * (1 - share)) / sessions.length);
        expect(Math.abs(moved.length / sessions.length - share)).toBeLessThan(4 * deviation);
      }),
    );
  });

  it("is the next one while its own cannot be used, and its own again afterwards", () => {
    const endpoints = idleEndpoints(5);
    const home = sessionEndpoint(endpoints, 1, "abc");
    const own = endpoints[home] as MutableEndpoint;
    own.usable = false;
    const substitute = sessionEndpoint(endpoints, 1, "abc");
    expect(substitute).not.toBe(home);
    expect(sessionEndpoint(endpoints, 1, "abc")).toBe(substitute);
    own.usable = true;
    expect(sessionEndpoint(endpoints, 1, "abc")).toBe(home);
  });

  it("is never one loaded beyond a quarter above the mean plus one, and always one where one is usable", () => {
    const endpoint = fc.record({ outstanding: fc.nat({ max: 100 }), usable: fc.boolean() });
    fc.assert(
      fc.property(fc.array(endpoint, { maxLength: 12 }), fc.string(), (loads, session) => {
        const endpoints = idleEndpoints(loads.length).map((idle, at) => ({ ...idle, ...loads[at] }));
        const chosen = endpoints[sessionEndpoint(endpoints, 1, session)];
        const usable = endpoints.filter((one) => one.usable);
        expect(chosen !== undefined).toBe(usable.length > 0);
        if (chosen === undefined) return;
        const mean = usable.reduce((sum, one) => sum + one.outstanding, 0) / usable.length;
        expect(loadBound(endpoints)).toBeCloseTo(1.25 * mean + 1, 9);
        expect(chosen.usable).toBe(true);
        expect(chosen.outstanding).toBeLessThanOrEqual(1.25 * mean + 1);
      }),
    );
  });
});
