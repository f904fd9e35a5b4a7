import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { allocate } from "../../../optimizer/inferno/allocate.ts";
import type { AllocationObjective } from "../../../optimizer/inferno/allocate.ts";
import type { InfernoAllocations } from "../../../optimizer/inferno/allocation-result.ts";
import { infernoModels } from "../../../optimizer/inferno/batch-chain.ts";
import { sizeServers } from "../../../optimizer/inferno/candidates.ts";
import type { InfernoSystem } from "../../../optimizer/inferno/inferno-system.ts";
import { performanceOf, systems } from "./random-systems.ts";

/** Assignments are left to the quick search: each exact one starts a thread, and what is asked here holds for any. */
async function solved(
  system: InfernoSystem,
  objective: AllocationObjective = "value",
): Promise<InfernoAllocations> {
  const models = infernoModels();
  return allocate(system, sizeServers(system, { models }), { models, objective, timeLimitMs: 0 });
}

const unlimited = (system: InfernoSystem): InfernoSystem => ({
  ...system,
  options: { ...system.options, unlimited: true },
});

function costOf({ totals }: InfernoAllocations): number {
  return totals.cost;
}

describe("an allocation", () => {
  it("answers for every server exactly once, in the order of names, with totals that add up", async () => {
    await fc.assert(
      fc.asyncProperty(systems, async (system) => {
        const { allocations, totals } = await solved(system);
        expect(allocations.map(({ server }) => server)).toEqual(
          system.servers.map(({ name }) => name).toSorted(),
        );
        expect(totals.full + totals.partial + totals.none).toBe(system.servers.length);
        for (const one of allocations) {
          expect([one.server, one.served === "full"]).toEqual([one.server, one.reason === undefined]);
          if (one.served === "none")
            expect(one).toMatchObject({ accelerator: "", replicas: 0, cost: 0, value: 0 });
          for (const value of [one.cost, one.value, one.itlMs, one.ttftMs, one.rho]) {
            expect(Number.isFinite(value)).toBe(true);
          }
        }
        expect(allocations.reduce((sum, { cost }) => sum + cost, 0)).toBeCloseTo(totals.cost, 6);
        expect(allocations.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(totals.value, 6);
      }),
      { numRuns: 60 },
    );
  });

  it("is identical whatever the order of servers, accelerators, models, classes and counts", async () => {
    await fc.assert(
      fc.asyncProperty(
        systems.chain((system) =>
          fc.tuple(
            fc.constant(system),
            fc.record({
              accelerators: shuffled(system.accelerators),
              models: shuffled(system.models),
              serviceClasses: shuffled(system.serviceClasses),
              servers: shuffled(system.servers),
              capacity: shuffled(system.capacity),
              options: fc.constant(system.options),
            }),
          ),
        ),
        async ([system, other]) => {
          expect(await solved(other)).toEqual(await solved(system));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("never exceeds the capacity of a type, and never gives a type without a count", async () => {
    await fc.assert(
      fc.asyncProperty(systems, async (system) => {
        const limited = { ...system, options: { ...system.options, unlimited: false } };
        const { units, allocations } = await solved(limited);
        for (const { units: used, capacityUnits } of units) expect(used).toBeLessThanOrEqual(capacityUnits);
        expect(allocations.some(({ accelerator }) => accelerator.split("+").includes("C"))).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it("has enough replicas for the load, and holds every target on the mean", async () => {
    await fc.assert(
      fc.asyncProperty(systems, async (system) => {
        const { allocations } = await solved(system);
        const sized = new Map(
          sizeServers(system, { models: infernoModels() }).map((one) => [one.server.name, one]),
        );
        for (const one of allocations) {
          if (one.served !== "full" || one.split !== undefined) continue;
          const { loadPerMs, candidates, server } = certain(sized.get(one.server));
          expect(one.replicas).toBeGreaterThanOrEqual(server.minReplicas);
          const chosen = candidates.find(({ parts }) => parts[0]?.accelerator.name === one.accelerator);
          const offer = chosen?.parts[0]?.offer;
          // What takes no time has no times that could break a target.
          if (offer === undefined || offer.throughputPerMs === Infinity) continue;
          expect(one.replicas * offer.throughputPerMs).toBeGreaterThanOrEqual(loadPerMs * (1 - 1e-12));
          const target = system.serviceClasses
            .find(({ name }) => name === server.serviceClass)
            ?.targets.find(({ model }) => model === server.model);
          if (target && target.itlMs > 0) expect(one.itlMs).toBeLessThanOrEqual(target.itlMs * (1 + 1e-9));
          if (target && target.ttftMs > 0) expect(one.ttftMs).toBeLessThanOrEqual(target.ttftMs * (1 + 1e-9));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("never costs less for more load, where capacity does not count", async () => {
    await fc.assert(
      fc.asyncProperty(systems, fc.double({ min: 1, max: 4, noNaN: true }), async (system, factor) => {
        const more = {
          ...system,
          servers: system.servers.map((one) => ({
            ...one,
            requestsPerMinute: one.requestsPerMinute * factor,
          })),
        };
        const before = await solved(unlimited(system), "cost");
        const after = await solved(unlimited(more), "cost");
        expect(costOf(after)).toBeGreaterThanOrEqual(costOf(before) * (1 - 1e-12));
      }),
      { numRuns: 40 },
    );
  });

  it("never costs more when an accelerator gets cheaper or another one is offered", async () => {
    await fc.assert(
      fc.asyncProperty(systems, fc.double({ min: 0.1, max: 1, noNaN: true }), async (system, factor) => {
        const [first, ...others] = system.accelerators;
        const cheaper = {
          ...system,
          accelerators: [{ ...certain(first), cost: certain(first).cost * factor }, ...others],
        };
        const before = await solved(unlimited(system), "cost");
        expect(costOf(await solved(unlimited(cheaper), "cost"))).toBeLessThanOrEqual(
          costOf(before) * (1 + 1e-12),
        );
        const fewer = { ...system, accelerators: others };
        const without = await solved(unlimited(fewer), "cost");
        // A server that nothing else can serve costs nothing without the offer.
        if (without.totals.none === before.totals.none) {
          expect(costOf(before)).toBeLessThanOrEqual(costOf(without) * (1 + 1e-12));
        }
      }),
      { numRuns: 40 },
    );
  });

  it("never has a higher value where servers may be split over two accelerators", async () => {
    await fc.assert(
      fc.asyncProperty(systems, async (system) => {
        const withSplits = (heterogeneous: boolean): InfernoSystem => ({
          ...system,
          options: { ...system.options, unlimited: true, heterogeneous },
        });
        const whole = await solved(withSplits(false));
        const split = await solved(withSplits(true));
        expect(split.totals.value).toBeLessThanOrEqual(whole.totals.value + 1e-9);
      }),
      { numRuns: 40 },
    );
  });
});

function shuffled<T>(all: readonly T[]): fc.Arbitrary<readonly T[]> {
  return fc.shuffledSubarray([...all], { minLength: all.length });
}

/** One model on accelerators A (cost 10) and B (cost 25), a class without targets, and one server. */
function small(changes: {
  readonly server?: Partial<InfernoSystem["servers"][number]>;
  readonly options?: Partial<InfernoSystem["options"]>;
  readonly capacity?: InfernoSystem["capacity"];
  readonly targets?: Partial<InfernoSystem["serviceClasses"][number]["targets"][number]>;
}): InfernoSystem {
  const parameters = { alphaMs: 10, betaMs: 1, gammaMs: 20, deltaMs: 0.01 };
  const accelerator = (name: string, cost: number) => ({ name, type: name, multiplicity: 1, cost });
  return {
    accelerators: [accelerator("A", 10), accelerator("B", 25)],
    models: [
      { ...performanceOf(parameters), accelerator: "A" },
      { ...performanceOf({ ...parameters, alphaMs: 5 }), accelerator: "B" },
    ],
    serviceClasses: [
      {
        name: "Free",
        priority: 100,
        targets: [{ model: "m", itlMs: 0, ttftMs: 0, tokensPerSecond: 0, ...changes.targets }],
      },
    ],
    servers: [
      {
        name: "s",
        serviceClass: "Free",
        model: "m",
        keepAccelerator: false,
        minReplicas: 0,
        maxBatchSize: 0,
        current: { accelerator: "", replicas: 0, cost: 0 },
        requestsPerMinute: 2000,
        inputTokens: 100,
        outputTokens: 128,
        ...changes.server,
      },
    ],
    capacity: changes.capacity ?? [],
    options: {
      unlimited: true,
      heterogeneous: false,
      delayedBestEffort: false,
      saturationPolicy: "None",
      ...changes.options,
    },
  };
}

async function only(system: InfernoSystem) {
  return certain((await solved(system)).allocations[0]);
}

describe("Inferno's options", () => {
  it("scale the batch to the length of the output, unless the server says how large it is", async () => {
    expect((await only(small({}))).maxBatchSize).toBe(8);
    expect((await only(small({ server: { outputTokens: 64 } }))).maxBatchSize).toBe(16);
    expect((await only(small({ server: { outputTokens: 2000 } }))).maxBatchSize).toBe(1);
    expect((await only(small({ server: { maxBatchSize: 3 } }))).maxBatchSize).toBe(3);
  });

  it("keep a server on its accelerator, and leave it unserved where that one cannot serve it", async () => {
    const current = { accelerator: "B", replicas: 1, cost: 25 };
    const server = { keepAccelerator: true, current };
    expect((await only(small({ server }))).accelerator).toBe("B");
    const unknown = { ...server, current: { ...current, accelerator: "Z" } };
    expect(await only(small({ server: unknown }))).toMatchObject({
      served: "none",
      reason: { kind: "kept-accelerator", accelerator: "Z" },
    });
    const none = { ...server, current: { accelerator: "", replicas: 0, cost: 0 } };
    expect((await only(small({ server: none }))).accelerator).toBe("A");
  });

  it("value a change of accelerator at a tenth of what goes and comes", async () => {
    const { accelerator, cost, value } = await only(small({}));
    expect(accelerator).toBe("A");
    expect(value).toBeCloseTo(1.1 * cost, 9);
    const onB = await only(small({ server: { current: { accelerator: "B", replicas: 1, cost: 25 } } }));
    expect(onB.value).toBeCloseTo(0.1 * (onB.cost + 25) + onB.cost - 25, 9);
    const same = { accelerator: "A", replicas: onB.replicas, cost: 1 };
    expect((await only(small({ server: { current: same } }))).value).toBe(0);
    const fewer = { accelerator: "A", replicas: onB.replicas + 1, cost: 500 };
    expect((await only(small({ server: { current: fewer } }))).value).toBeCloseTo(cost - 500, 9);
  });

  it("size a server with a throughput target for its tokens and not for its arrivals", async () => {
    const targets = { tokensPerSecond: 1000 };
    const one = await only(small({ targets, server: { requestsPerMinute: 1 } }));
    const other = await only(small({ targets, server: { requestsPerMinute: 9999 } }));
    expect(one).toEqual(other);
    expect(one.replicas).toBeGreaterThan(1);
  });

  it("give an idle server nothing, in limited mode too, and its least replicas where it has some", async () => {
    for (const unlimitedToo of [true, false]) {
      const options = { unlimited: unlimitedToo };
      const idle = { requestsPerMinute: 0 };
      expect(await only(small({ server: idle, options }))).toMatchObject({
        accelerator: "",
        replicas: 0,
        cost: 0,
        served: "full",
      });
      const kept = await only(
        small({ server: { ...idle, minReplicas: 2 }, options, capacity: [{ type: "A", units: 5 }] }),
      );
      expect(kept).toMatchObject({
        accelerator: "A",
        replicas: 2,
        itlMs: 11,
        ttftMs: 20.01,
        rho: 0,
        served: "full",
      });
    }
  });

  it("leave a server of a class that is not defined unserved, and say so", async () => {
    expect(await only(small({ server: { serviceClass: "Gold" } }))).toMatchObject({
      served: "none",
      reason: { kind: "class-undefined", serviceClass: "Gold" },
    });
    expect((await only(small({ server: { model: "x" } }))).reason).toEqual({
      kind: "model-without-accelerator",
      model: "x",
      undefinedAccelerators: [],
    });
    expect((await only({ ...small({}), accelerators: [] })).reason).toEqual({
      kind: "model-without-accelerator",
      model: "m",
      undefinedAccelerators: ["A", "B"],
    });
    expect((await only(small({ targets: { model: "y" } }))).reason).toMatchObject({
      kind: "model-without-target",
    });
    expect((await only(small({ targets: { itlMs: 2 } }))).reason).toMatchObject({
      kind: "targets",
      missed: [
        { accelerator: "A", target: "itl", allowedMs: 2 },
        { accelerator: "B", target: "itl", allowedMs: 2 },
      ],
    });
  });

  it("grant what is left, in part, with times of the load that the granted replicas can take", async () => {
    const whole = await only(small({}));
    const capacity = [{ type: "A", units: 2 }];
    const options = { unlimited: false, saturationPolicy: "RoundRobin" as const };
    const part = await only(small({ capacity, options, targets: { ttftMs: 1000 } }));
    expect(part).toMatchObject({
      served: "partial",
      replicas: 2,
      accelerator: "A",
      reason: { kind: "capacity" },
    });
    expect(part.cost).toBeCloseTo(20, 9);
    expect(part.value).toBeCloseTo(22, 9);
    expect(part.ttftMs).toBeCloseTo(1000, 6);
    expect(whole.replicas).toBeGreaterThan(2);
    const none = await only(small({ capacity, options: { unlimited: false } }));
    expect(none).toMatchObject({ served: "none", reason: { kind: "capacity" } });
  });

  it("split a server over two accelerators where neither has room for all of it", async () => {
    const server = { requestsPerMinute: 6000 };
    const alone = await only(small({ server }));
    const capacity = [
      { type: "A", units: alone.replicas - 1 },
      { type: "B", units: 1 },
    ];
    const options = { unlimited: false, heterogeneous: true };
    const split = await only(small({ server, capacity, options }));
    expect(split).toMatchObject({ served: "full", accelerator: "A+B" });
    expect(split.split?.map(({ accelerator }) => accelerator)).toEqual(["A", "B"]);
    expect(split.split?.reduce((sum, { replicas }) => sum + replicas, 0)).toBe(split.replicas);
  });

  it("end the sizing when the time is over, the most important servers first", async () => {
    const system = small({});
    const [server] = system.servers;
    const first = { ...certain(server), name: "z", serviceClass: "Premium" };
    const free = certain(system.serviceClasses[0]);
    const both = {
      ...system,
      servers: [certain(server), first],
      serviceClasses: [free, { ...free, name: "Premium", priority: 1 }],
    };
    let asked = 0;
    const sized = sizeServers(both, { models: infernoModels(), isOutOfTime: () => ++asked > 1 });
    expect(sized.map(({ server: { name }, reason }) => [name, reason?.kind])).toEqual([
      ["s", "time-limit"],
      ["z", undefined],
    ]);
  });

  it("refuse numbers that cannot be computed with, and answer for the others", async () => {
    expect((await only(small({ server: { requestsPerMinute: 1e30 } }))).reason).toMatchObject({
      kind: "too-large",
    });
    expect((await only(small({ server: { maxBatchSize: 1e12 } }))).reason).toMatchObject({
      kind: "too-large",
    });
    const weightless = await only(small({ server: { inputTokens: 0, outputTokens: 1 } }));
    expect(weightless).toMatchObject({ served: "full", replicas: 1, itlMs: 0, ttftMs: 0, rho: 0 });
  });
});
