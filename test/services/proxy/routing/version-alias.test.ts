import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RouteModel } from "../../../../platform/routes/routing-table.ts";
import { compareVersions, versionNamed } from "../../../../services/proxy/routing/version-alias.ts";

const model = (versions: readonly string[], aliases?: Record<string, string>): RouteModel => ({
  name: "bert",
  versions: versions.map((version) => ({ version, weight: 0, targets: [] })),
  ...(aliases && { aliases }),
});

const latestOf = (...versions: string[]): string | undefined =>
  versionNamed(model(versions)).get("latest")?.version;

describe("versions by name", () => {
  it("finds every version, alias and the latest", () => {
    const named = versionNamed(model(["1", "2", "10"], { stable: "2" }));
    expect([...named].map(([name, entry]) => [name, entry.version])).toEqual([
      ["1", "1"],
      ["2", "2"],
      ["10", "10"],
      ["stable", "2"],
      ["latest", "10"],
    ]);
  });

  it("gives the very entries of the routing table", () => {
    const table = model(["1", "2"], { stable: "1" });
    expect(versionNamed(table).get("stable")).toBe(table.versions[0]);
  });

  it("leaves a version its name where an alias is called the same", () => {
    const named = versionNamed(model(["latest", "3"], { latest: "3" }));
    expect(named.get("latest")?.version).toBe("latest");
  });

  it("knows nothing of an alias whose version is gone, or of a model without versions", () => {
    expect(versionNamed(model(["1"], { stable: "2" })).has("stable")).toBe(false);
    expect(versionNamed(model([])).size).toBe(0);
  });

  it("is not misled by names of JavaScript's objects", () => {
    expect(versionNamed(model(["1"])).get("constructor")).toBeUndefined();
  });
});

describe("the latest version", () => {
  it.each([
    [["9", "10", "2"], "10"],
    [["20250101", "9007199254740993", "9007199254740992"], "9007199254740993"],
    [["1.9.0", "1.10.0"], "1.10.0"],
    [["v2", "v10", "v9"], "v10"],
    [["2024-12", "2025-01"], "2025-01"],
    [["1.0.0", "1.0.0-rc1"], "1.0.0-rc1"],
    [["007", "8"], "8"],
  ])("of %j is %s", (versions, latest) => {
    expect(latestOf(...versions)).toBe(latest);
    expect(latestOf(...versions.toReversed())).toBe(latest);
  });

  it("is that of the numbers where all are whole", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.bigInt({ min: 0n, max: 2n ** 80n }), { minLength: 1 }), (numbers) => {
        const highest = numbers.reduce((left, right) => (left > right ? left : right));
        expect(latestOf(...numbers.map(String))).toBe(String(highest));
      }),
    );
  });

  it("rests on one total order", () => {
    const version = fc.stringMatching(/^[0-9a-c.]{1,6}$/);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(0 - Math.sign(compareVersions(b, a)));
        expect(compareVersions(a, b) === 0).toBe(a === b);
        const [low = "", middle = "", high = ""] = [a, b, c].toSorted(compareVersions);
        expect(compareVersions(low, middle)).toBeLessThanOrEqual(0);
        expect(compareVersions(low, high)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2_000 },
    );
  });
});
