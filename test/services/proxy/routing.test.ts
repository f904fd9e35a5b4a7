import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseByWeight, chooseEndpoint } from "../../../services/proxy/routing/choose.ts";
import { resolveRoute } from "../../../services/proxy/routing/resolve.ts";
import { importanceOrder, indexRoutes } from "../../../services/proxy/routing/routing-index.ts";
import { table, target, tritonServer } from "./testbed.ts";

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("choice by weight", () => {
  it("gives each item its share of evenly spread draws", () => {
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 1_000; draw++) {
      const item = chooseByWeight(
        ["a", "b", "c"],
        (name) => ({ a: 90, b: 10, c: 0 })[name] ?? 0,
        () => draw / 1_000,
      );
      counts.set(item, (counts.get(item) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ a: 900, b: 100 });
  });

  it("never takes an item of weight 0 while another has weight", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1 }),
        fraction,
        (weights, draw) => {
          fc.pre(weights.some((weight) => weight > 0));
          const items = weights.map((weight, at) => ({ weight, at })) as [{ weight: number; at: number }];
          expect(
            chooseByWeight(
              items,
              ({ weight }) => weight,
              () => draw,
            ).weight,
          ).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("draws evenly where all weights are 0", () => {
    expect(
      [0, 0.34, 0.99].map((draw) =>
        chooseByWeight(
          ["a", "b", "c"],
          () => 0,
          () => draw,
        ),
      ),
    ).toEqual(["a", "b", "c"]);
  });
});

describe("choice of an endpoint", () => {
  const loaded = (outstanding: number, usable = true) => ({ outstanding, usable });

  it("takes one that should not be used only where there is no other", () => {
    fc.assert(
      fc.property(fraction, (draw) => {
        expect(chooseEndpoint([loaded(9), loaded(0, false), loaded(8)], () => draw)?.usable).toBe(true);
        expect(chooseEndpoint([loaded(3, false), loaded(2, false)], () => draw)?.outstanding).toBe(2);
        expect(chooseEndpoint([], () => draw)).toBeUndefined();
      }),
    );
  });

  it("takes the less loaded of two, whatever is drawn", () => {
    fc.assert(
      fc.property(fraction, (draw) => {
        expect(chooseEndpoint([loaded(3), loaded(2)], () => draw)?.outstanding).toBe(2);
      }),
    );
  });

  it("never takes the most loaded of several", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.infiniteStream(fraction), (count, draws) => {
        const endpoints = Array.from({ length: count }, (_, outstanding) => loaded(outstanding));
        const chosen = chooseEndpoint(endpoints, () => draws.next().value as number);
        expect(chosen?.outstanding).toBeLessThan(count - 1);
      }),
    );
  });
});

describe("the order of service classes", () => {
  it("agrees with every list of the table", () => {
    const names = ["Platinum", "Gold", "Silver", "Bronze", "Free"];
    fc.assert(
      fc.property(fc.array(fc.subarray(names)), (lists) => {
        const order = importanceOrder(lists);
        expect(order.toSorted()).toEqual([...new Set(lists.flat())].toSorted());
        for (const list of lists) expect(order.filter((name) => list.includes(name))).toEqual(list);
      }),
    );
  });

  it("is not confused by lists that contradict each other", () => {
    expect(
      importanceOrder([
        ["A", "B"],
        ["B", "A"],
      ]).toSorted(),
    ).toEqual(["A", "B"]);
  });

  it("is taken from the table where the table gives it", () => {
    const targets = ["Batch", "Interactive"].map((name) =>
      target(["http://a"], { group: name, serviceClasses: [name] }),
    );
    const servers = [
      tritonServer([], { models: [{ name: "bert", versions: [{ version: "1", weight: 100, targets }] }] }),
    ];
    const classOf = (serviceClasses: string[]) =>
      resolveRoute(indexRoutes({ ...table(...servers), serviceClasses }), { modelName: "bert" }, () => 0)
        .serviceClass;
    expect(classOf(["Interactive", "Batch"])).toBe("Batch");
    expect(classOf(["Batch", "Interactive"])).toBe("Interactive");
  });
});

describe("route resolution", () => {
  it("gives unpinned requests only to versions that run in their class", () => {
    const version = (name: string, weight: number, endpoints: string[]) => ({
      version: name,
      weight,
      targets: [target(endpoints)],
    });
    const versions = [version("1", 90, []), version("2", 10, ["http://b"])];
    const index = indexRoutes(table(tritonServer([], { models: [{ name: "bert", versions }] })));
    expect(resolveRoute(index, { modelName: "bert" }, () => 0).version).toBe("2");
    expect(() => resolveRoute(index, { modelName: "bert", version: "1" }, () => 0)).toThrow(
      /no running replica/,
    );
  });

  it("shares requests out over the groups of a version by their weights, else by their endpoints", () => {
    const shareOfFirst = (first: { weight?: number }, second: { weight?: number }) => {
      const targets = [
        target(["http://a", "http://b", "http://c"], { group: "first", ...first }),
        target(["http://d"], { group: "second", ...second }),
      ];
      const model = { name: "bert", versions: [{ version: "1", weight: 100, targets }] };
      const index = indexRoutes(table(tritonServer([], { models: [model] })));
      let draw = 0;
      const drawn = Array.from({ length: 1000 }, () =>
        resolveRoute(index, { modelName: "bert" }, () => (draw++ % 1000) / 1000),
      );
      return drawn.filter((route) => route.target.group === "first").length / drawn.length;
    };
    expect(shareOfFirst({}, {})).toBe(0.75);
    expect(shareOfFirst({ weight: 0.4 }, { weight: 0.6 })).toBe(0.4);
    expect(shareOfFirst({ weight: 0 }, { weight: 1 })).toBe(0);
  });

  it("prefers preloaded servers, then the lowest name", () => {
    const index = indexRoutes(
      table(
        tritonServer(["http://a"], { name: "a", loading: "on-demand" }),
        tritonServer(["http://c"], { name: "c" }),
        tritonServer(["http://b"], { name: "b" }),
      ),
    );
    expect(resolveRoute(index, { modelName: "bert" }, () => 0).server.name).toBe("b");
  });
});
