import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RouteServer, Unloading } from "../../../../../platform/routes/routing-table.ts";
import type { ProxyFailure } from "../../../../../services/proxy/proxy-failure.ts";
import type { Expiring } from "../../../../../services/proxy/upstream/connection/deadlines.ts";
import { EndpointModels } from "../../../../../services/proxy/upstream/loading/endpoint-models.ts";
import { UnloadPolicy } from "../../../../../services/proxy/upstream/loading/unload-policy.ts";
import { tritonServer } from "../../testbed.ts";
import { FakeRepository, type Outcome } from "./fake-repository.ts";

const server = (unloading: Unloading, names: string, pinned = ""): RouteServer =>
  tritonServer([], {
    loading: "on-demand",
    unloading,
    models: [...names].map((name) => ({ name, versions: [], pinned: pinned.includes(name) })),
  });

/** Everything that waits on the engine's or the test's answers has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function start(routes: RouteServer, loaded = "") {
  const clock = { nowMs: 0 };
  const engine = new FakeRepository();
  for (const name of loaded) engine.present.add(name);
  const waiting = new Set<Expiring>();
  const models = new EndpointModels({
    repository: engine,
    policy: new UnloadPolicy(routes),
    deadlines: { add: (waiter) => waiting.add(waiter), delete: (waiter) => waiting.delete(waiter) },
    nowMs: () => clock.nowMs,
  });
  /** Asks for a model; the answer tells how it ended, or "waits". */
  const ask = (name: string): { ended: string } => {
    clock.nowMs++;
    const answer = { ended: "waits" };
    if (models.tryUse(name)) answer.ended = "granted";
    else {
      models.use(name, 0).then(
        () => (answer.ended = "granted"),
        (failure: ProxyFailure) => (answer.ended = failure.code),
      );
    }
    return answer;
  };
  const answer = async (outcome: Outcome = "done"): Promise<void> => {
    engine.open[0]?.answer(outcome);
    await settled();
  };
  const expire = async (): Promise<void> => {
    for (const waiter of waiting) {
      waiting.delete(waiter);
      waiter.expire();
    }
    await settled();
  };
  /** Has the models loaded and released, in this order. */
  const had = async (names: string): Promise<void> => {
    for (const name of names) {
      const { ended } = ask(name);
      if (ended === "waits") while (engine.open.length > 0) await answer();
      models.release(name);
    }
    engine.asked.length = 0;
  };
  return { engine, models, clock, ask, answer, expire, had, waiting };
}

describe("models of an endpoint without a limit", () => {
  it("loads once for all who wait and grants at once from then on", async () => {
    const { engine, ask, answer } = start(server({}, "a"));
    const answers = [ask("a"), ask("a")];
    await answer();
    expect(answers.map(({ ended }) => ended)).toEqual(["granted", "granted"]);
    expect(ask("a").ended).toBe("granted");
    expect(engine.asked).toEqual(["load a"]);
  });

  it("fails all who wait when a load fails, and loads again for the next", async () => {
    const { engine, ask, answer } = start(server({}, "a"));
    const answers = [ask("a"), ask("a")];
    await answer("refused");
    expect(answers.map(({ ended }) => ended)).toEqual(["MODEL_LOAD_FAILED", "MODEL_LOAD_FAILED"]);
    ask("a");
    expect(engine.asked).toEqual(["load a", "load a"]);
  });

  it("lets a load go on when its last waiter has gone", async () => {
    const { ask, answer, expire } = start(server({}, "a"));
    const late = ask("a");
    await expire();
    expect(late.ended).toBe("DEADLINE_EXCEEDED");
    await answer();
    expect(ask("a").ended).toBe("granted");
  });

  it("loads again after the engine has restarted", async () => {
    const { engine, models, ask, answer, had } = start(server({}, "a"));
    await had("a");
    engine.restart();
    models.forget();
    const again = ask("a");
    await answer();
    expect(again.ended).toBe("granted");
    expect(engine.asked).toEqual(["load a"]);
  });
});

describe("models of an endpoint that nobody asks for", () => {
  it("go after the idle time, counted from the end of the last use; pinned ones and those in use stay", async () => {
    const { engine, models, clock, ask, answer, had } = start(server({ idleSeconds: 10 }, "abc", "b"));
    await had("ab");
    ask("c");
    await answer();
    clock.nowMs += 9_990;
    models.sweep();
    expect(engine.open).toEqual([]);
    clock.nowMs += 20;
    models.sweep();
    expect(engine.open.map(({ kind, model }) => `${kind} ${model}`)).toEqual(["unload a"]);
    await answer();
    models.release("c");
    clock.nowMs += 9_000;
    models.sweep();
    expect(engine.open).toEqual([]);
    clock.nowMs += 1_000;
    models.sweep();
    expect(engine.open.map(({ kind, model }) => `${kind} ${model}`)).toEqual(["unload c"]);
  });

  it("are loaded again, after the end of the unload, for who comes during it", async () => {
    const { engine, models, clock, ask, answer, had } = start(server({ idleSeconds: 10 }, "a"));
    await had("a");
    clock.nowMs += 20_000;
    models.sweep();
    const during = ask("a");
    await settled();
    expect(engine.asked).toEqual(["unload a"]);
    expect(models.holds("a")).toBe(true);
    await answer();
    expect(during.ended).toBe("waits");
    await answer();
    expect(during.ended).toBe("granted");
    expect(engine.asked).toEqual(["unload a", "load a"]);
  });

  it("serve who comes while the engine refuses to unload them, and are left alone for a while", async () => {
    const { engine, models, clock, ask, answer, had } = start(server({ idleSeconds: 1 }, "a"));
    await had("a");
    clock.nowMs += 2_000;
    models.sweep();
    const during = ask("a");
    await answer("refused");
    expect(during.ended).toBe("granted");
    models.release("a");
    clock.nowMs += 2_000;
    models.sweep();
    expect(engine.open).toEqual([]);
    clock.nowMs += 4_000;
    models.sweep();
    expect(engine.open).toHaveLength(1);
  });
});

describe("models of an endpoint with a limit", () => {
  it("takes what the engine has loaded into account, as the one longest not asked for", async () => {
    const { engine, ask, answer } = start(server({ maxLoaded: 2 }, "abc"), "a");
    ask("b");
    await answer();
    await answer();
    ask("c");
    expect(engine.asked).toEqual(["loaded", "load b", "unload a"]);
  });

  it("leaves alone what the routing table does not list", async () => {
    const { engine, ask, answer } = start(server({ maxLoaded: 1 }, "ab"), "xyz");
    const first = ask("a");
    await answer();
    await answer();
    expect(first.ended).toBe("granted");
    expect(engine.asked).toEqual(["loaded", "load a"]);
  });

  it("unloads the one longest not asked for, waits for its end and then loads", async () => {
    const { engine, ask, answer, had } = start(server({ maxLoaded: 3 }, "abcd"));
    await had("abcab");
    const next = ask("d");
    expect(engine.asked).toEqual(["unload c"]);
    await answer();
    expect(engine.asked).toEqual(["unload c", "load d"]);
    await answer();
    expect(next.ended).toBe("granted");
  });

  it("passes over pinned models and those in use", async () => {
    const { engine, ask, had } = start(server({ maxLoaded: 3 }, "abcd", "a"));
    await had("abc");
    expect(ask("b").ended).toBe("granted");
    ask("d");
    expect(engine.asked).toEqual(["unload c"]);
  });

  it("waits until a model in use is released", async () => {
    const { engine, models, ask, answer, had } = start(server({ maxLoaded: 1 }, "ab"));
    await had("a");
    ask("a");
    const next = ask("b");
    await settled();
    expect(engine.open).toEqual([]);
    models.release("a");
    await answer();
    await answer();
    expect(next.ended).toBe("granted");
    expect(engine.asked).toEqual(["unload a", "load b"]);
  });

  it("refuses with MODEL_NO_ROOM at the deadline while all are in use, and at once where all are pinned", async () => {
    const used = start(server({ maxLoaded: 1 }, "ab"));
    await used.had("a");
    used.ask("a");
    const late = used.ask("b");
    await used.expire();
    expect(late.ended).toBe("MODEL_NO_ROOM");

    const pinned = start(server({ maxLoaded: 1 }, "ab", "a"));
    await pinned.had("a");
    const never = pinned.ask("b");
    await settled();
    expect(never.ended).toBe("MODEL_NO_ROOM");
  });

  it("gives places in the order in which models were asked for", async () => {
    const { engine, models, ask, answer, had } = start(server({ maxLoaded: 1 }, "abc"));
    await had("a");
    ask("a");
    ask("b");
    ask("c");
    models.release("a");
    await answer();
    await answer();
    models.release("b");
    await answer();
    await answer();
    expect(engine.asked).toEqual(["unload a", "load b", "unload b", "load c"]);
  });

  it("asks the engine again after a broken connection, and keeps the order of what is still loaded", async () => {
    const { engine, models, ask, answer, had } = start(server({ maxLoaded: 2 }, "abc"));
    await had("aba");
    models.forget();
    ask("c");
    await answer();
    expect(engine.asked).toEqual(["loaded", "unload b"]);
  });

  it("does not unload a model whose user began before the connection to the engine broke", async () => {
    const { engine, models, ask, answer, had } = start(server({ maxLoaded: 1 }, "ab"));
    await had("a");
    ask("a");
    models.forget();
    const next = ask("b");
    await answer();
    expect(engine.asked).toEqual(["loaded"]);
    models.release("a");
    await answer();
    await answer();
    expect(next.ended).toBe("granted");
  });

  it("fails who waits when the engine cannot be asked what it has loaded", async () => {
    const { ask, answer } = start(server({ maxLoaded: 1 }, "a"));
    const first = ask("a");
    await answer("cut-before");
    expect(first.ended).toBe("ENGINE_UNREACHABLE");
  });

  it("follows a new policy: fewer models, and pins", async () => {
    const { engine, models, had } = start(server({ maxLoaded: 3 }, "abc"));
    await had("abc");
    models.policy = new UnloadPolicy(server({ maxLoaded: 1 }, "abc", "a"));
    models.sweep();
    expect(engine.asked).toEqual(["unload b", "unload c"]);
    models.policy = new UnloadPolicy(undefined);
    models.sweep();
    expect(engine.asked).toHaveLength(2);
  });

  it("keeps nothing of names that the engine does not know", async () => {
    const any = {
      ...server({ maxLoaded: 1 }, ""),
      anyModel: { group: "g", serviceClasses: [], endpoints: [], timeoutMs: 1 },
    };
    const { models, ask, answer } = start(any);
    const first = ask("x");
    await answer();
    await answer("refused");
    expect(first.ended).toBe("MODEL_LOAD_FAILED");
    expect(models.holds("x")).toBe(false);
    expect(models.quiet).toBe(true);
  });
});

type Step =
  | { readonly do: "ask" | "lose"; readonly model: string }
  | { readonly do: "release"; readonly which: number }
  | { readonly do: "answer"; readonly which: number; readonly outcome: Outcome }
  | { readonly do: "wait"; readonly seconds: number }
  | { readonly do: "expire" | "restart" | "break" | "pin" };

const names = "abcde";
const model = fc.constantFrom(...names);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("ask" as const), model }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("release" as const), which: fc.nat(9) }) },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      which: fc.nat(3),
      outcome: fc.oneof(
        { weight: 6, arbitrary: fc.constant("done" as const) },
        { weight: 1, arbitrary: fc.constantFrom<Outcome>("refused", "cut-before", "cut-after") },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.nat(15) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), model }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("expire" as const, "restart" as const, "break" as const, "pin" as const),
    }),
  },
);

/** A run of an endpoint that checks, at every step, what must never happen. */
class Run {
  readonly #bed: ReturnType<typeof start>;
  readonly #unloading: Unloading;
  readonly #foreign: ReadonlySet<string>;
  readonly #answers: { ended: string; readonly model: string; taken: boolean }[] = [];
  #pinned: string;
  #seen = 0;
  /** Models that requests are in, once for each. */
  readonly inside: string[] = [];

  constructor(unloading: Unloading, pinned: string, loaded: string) {
    this.#unloading = unloading;
    this.#pinned = pinned;
    this.#foreign = new Set([...loaded].filter((name) => !names.includes(name)));
    this.#bed = start(server(unloading, names, pinned), loaded);
  }

  async take(step: Step): Promise<void> {
    const { engine, models, clock, ask, expire } = this.#bed;
    if (step.do === "ask") {
      const answer = Object.assign(ask(step.model), { model: step.model, taken: false });
      this.#answers.push(answer);
    } else if (step.do === "release" && this.inside.length > 0) {
      const [name = ""] = this.inside.splice(step.which % this.inside.length, 1);
      models.release(name);
    } else if (step.do === "answer" && engine.open.length > 0) {
      engine.open[step.which % engine.open.length]?.answer(step.outcome);
    } else if (step.do === "lose") {
      // Another proxy unloads it, and a request's answer gives it away.
      if (
        !engine.open.some((question) => question.model === step.model) &&
        engine.present.delete(step.model)
      ) {
        models.lost(step.model);
      }
    } else if (step.do === "wait") {
      clock.nowMs += step.seconds * 1000;
      models.sweep();
    } else if (step.do === "restart") {
      engine.restart();
      models.forget();
    } else if (step.do === "break") models.forget();
    else if (step.do === "expire") await expire();
    else if (step.do === "pin") {
      this.#pinned = this.#pinned === "" ? "a" : "";
      models.policy = new UnloadPolicy(server(this.#unloading, names, this.#pinned));
    }
    this.#check();
    await settled();
    this.#check();
  }

  /** Lets everything come to its end: what is granted is released, what is asked is answered. */
  async end(): Promise<void> {
    for (let turn = 0; turn < 200; turn++) {
      await this.take({ do: "release", which: 0 });
      await this.take({ do: "answer", which: 0, outcome: "done" });
      if (turn % 10 === 9) await this.take({ do: "wait", seconds: 6 });
    }
    expect(this.#answers.filter(({ ended }) => ended === "waits")).toEqual([]);
    expect(this.#bed.models.quiet).toBe(true);
    expect(this.#bed.waiting.size).toBe(0);
  }

  get granted(): number {
    return this.#answers.filter(({ taken }) => taken).length;
  }

  #check(): void {
    const { engine } = this.#bed;
    for (const answer of this.#answers) {
      if (answer.ended !== "granted" || answer.taken) continue;
      answer.taken = true;
      this.inside.push(answer.model);
      expect(engine.present.has(answer.model), `${answer.model} is loaded for its request`).toBe(true);
    }
    const changing = engine.open.filter(({ kind }) => kind !== "loaded").map(({ model }) => model);
    expect(new Set(changing).size, "one load or unload of a model at a time").toBe(changing.length);
    const places = new Set([
      ...engine.present,
      ...engine.open.filter(({ kind }) => kind === "load").map(({ model }) => model),
    ]);
    expect(places.difference(this.#foreign).size).toBeLessThanOrEqual(this.#unloading.maxLoaded ?? Infinity);
    const begun = engine.asked.slice(this.#seen).filter((asked) => asked.startsWith("unload "));
    this.#seen = engine.asked.length;
    for (const asked of begun) {
      const name = asked.slice("unload ".length);
      expect(this.inside, "a model in use stays").not.toContain(name);
      expect(this.#pinned.includes(name), "a pinned model stays").toBe(false);
      expect(names, "what is not listed stays").toContain(name);
    }
  }
}

describe("models of an endpoint, whatever comes in whatever order", () => {
  it("are never unloaded in use or pinned, never too many, always loaded for a request, and nobody waits forever", async () => {
    let granted = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          maxLoaded: fc.integer({ min: 1, max: 3 }),
          idleSeconds: fc.constantFrom(5, 1e6),
          limited: fc.boolean(),
        }),
        fc.constantFrom("", "a"),
        fc.constantFrom("", "b", "xy"),
        fc.array(step, { minLength: 10, maxLength: 80 }),
        async ({ maxLoaded, idleSeconds, limited }, pinned, loaded, steps) => {
          const run = new Run({ idleSeconds, ...(limited ? { maxLoaded } : {}) }, pinned, loaded);
          for (const next of steps) await run.take(next);
          await run.end();
          granted += run.granted;
        },
      ),
      { numRuns: 150 },
    );
    expect(granted).toBeGreaterThan(500);
  });
});
