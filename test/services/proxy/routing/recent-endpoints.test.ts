import { describe, expect, it } from "vitest";
import { RecentEndpoints } from "../../../../services/proxy/routing/recent-endpoints.ts";

describe("endpoints that served last", () => {
  it("are known by key until something newer takes the place", () => {
    // One set of eight.
    const recent = new RecentEndpoints(8);
    for (let key = 1; key <= 8; key++) recent.set(key, key * 10);
    expect(recent.get(1)).toBe(10);
    recent.set(9, 90);
    // 2 was not used for longest.
    expect(recent.get(2)).toBeUndefined();
    expect([1, 3, 4, 5, 6, 7, 8, 9].map((key) => recent.get(key))).toEqual([10, 30, 40, 50, 60, 70, 80, 90]);
  });

  it("are those of the last use of a key", () => {
    const recent = new RecentEndpoints(8);
    recent.set(5, 1);
    recent.set(5, 0xffff_fffe);
    expect(recent.get(5)).toBe(0xffff_fffe);
  });

  it("are unknown for keys never set, 0 included", () => {
    expect(new RecentEndpoints(64).get(0)).toBeUndefined();
  });

  it("are as many as there are places, most of them the newest", () => {
    const recent = new RecentEndpoints(1_024);
    const keys = Array.from({ length: 10_000 }, (_, at) => Math.imul(at + 1, 0x9e3779b1) >>> 0);
    for (const key of keys) recent.set(key, 7);
    const known = keys.filter((key) => recent.get(key) !== undefined);
    expect(known.length).toBeLessThanOrEqual(1_024);
    expect(keys.slice(-512).filter((key) => recent.get(key) !== undefined).length).toBeGreaterThan(460);
  });
});
