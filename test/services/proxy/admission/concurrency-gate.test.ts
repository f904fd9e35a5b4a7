import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  ConcurrencyGate,
  type ConcurrencyLimits,
  type Waiting,
} from "../../../../services/proxy/admission/concurrency-gate.ts";
import { ProxyFailure } from "../../../../services/proxy/proxy-failure.ts";

// The clock of the gates below and that of their timers are the same one, moved by hand.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const gone = (): ProxyFailure => new ProxyFailure("CLIENT_CLOSED");
/** Lets the reactions to settled promises run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The end of each request that went through a gate, by the order of arrival. */
class Observed {
  readonly outcomes: string[] = [];
  readonly waiting = new Map<number, Waiting>();
  readonly gate: ConcurrencyGate;

  constructor(limits: ConcurrencyLimits) {
    this.gate = new ConcurrencyGate(limits);
  }

  arrive(priority = 0, deadlineMs = Infinity): number {
    const id = this.outcomes.length;
    this.outcomes.push("waiting");
    if (this.gate.tryEnter()) {
      this.outcomes[id] = "inside";
      return id;
    }
    try {
      const waiting = this.gate.wait(priority, deadlineMs);
      this.waiting.set(id, waiting);
      waiting.promise.then(
        () => (this.outcomes[id] = "inside"),
        (failure: ProxyFailure) => (this.outcomes[id] = failure.code),
      );
    } catch (failure) {
      this.outcomes[id] = (failure as ProxyFailure).code;
    }
    return id;
  }

  leave(id: number): void {
    expect(this.outcomes[id]).toBe("inside");
    this.outcomes[id] = "left";
    this.gate.leave();
  }
}

describe("the door of a model", () => {
  it("lets in as many as may run, and the next one when one leaves", async () => {
    const observed = new Observed({ running: 2, queued: 2 });
    const { gate, outcomes } = observed;
    for (let count = 0; count < 3; count++) observed.arrive();
    expect(outcomes).toEqual(["inside", "inside", "waiting"]);
    expect([gate.running, gate.waiting]).toEqual([2, 1]);
    observed.leave(0);
    await settle();
    expect(outcomes).toEqual(["left", "inside", "inside"]);
    expect([gate.running, gate.waiting]).toEqual([2, 0]);
  });

  it("gives turns by priority, and by arrival within one", async () => {
    const observed = new Observed({ running: 1, queued: 9 });
    const { outcomes } = observed;
    const first = observed.arrive();
    const priorities = [100, 1, 50, 1, 100];
    const ids = priorities.map((priority) => observed.arrive(priority));
    let inside = first;
    const turns: number[] = [];
    for (const _ of ids) {
      observed.leave(inside);
      await settle();
      inside = outcomes.indexOf("inside");
      turns.push(inside);
    }
    expect(turns).toEqual([2, 4, 3, 1, 5]);
  });

  it("refuses an arrival that is no more important than all who wait, and says when to try again", () => {
    const observed = new Observed({ running: 1, queued: 1 });
    const { gate, outcomes } = observed;
    observed.arrive();
    observed.arrive(5);
    observed.arrive(5);
    expect(outcomes).toEqual(["inside", "waiting", "QUEUE_FULL"]);
    expect(() => gate.wait(5, Infinity)).toThrow(
      expect.objectContaining({ status: 429, retryAfterSeconds: 1 }),
    );
  });

  it("pushes out the latest of the least important for one that is more important", async () => {
    const observed = new Observed({ running: 1, queued: 3 });
    const { outcomes } = observed;
    observed.arrive();
    for (const priority of [5, 9, 9]) observed.arrive(priority);
    observed.arrive(1);
    await settle();
    expect(outcomes).toEqual(["inside", "waiting", "waiting", "QUEUE_FULL", "waiting"]);
  });

  it("refuses at once where nobody may wait", () => {
    const observed = new Observed({ running: 1, queued: 0 });
    const { outcomes } = observed;
    observed.arrive();
    observed.arrive(0);
    expect(outcomes).toEqual(["inside", "QUEUE_FULL"]);
  });

  it("lets in who asks to wait although there is room", async () => {
    const gate = new ConcurrencyGate({ running: 1, queued: 0 });
    await gate.wait(0, Infinity).promise;
    expect([gate.running, gate.waiting]).toEqual([1, 0]);
  });

  it("ends a wait at its own deadline, without giving it a place", async () => {
    const observed = new Observed({ running: 1, queued: 2 });
    const { gate, outcomes } = observed;
    observed.arrive();
    observed.arrive(0, performance.now() + 20);
    observed.arrive(0, performance.now() + 10);
    vi.advanceTimersByTime(10);
    await settle();
    expect(outcomes).toEqual(["inside", "waiting", "DEADLINE_EXCEEDED"]);
    observed.leave(0);
    await settle();
    expect(outcomes).toEqual(["left", "inside", "DEADLINE_EXCEEDED"]);
    vi.advanceTimersByTime(100);
    expect(gate.running).toBe(1);
  });

  it("takes nobody whose deadline is over", () => {
    const observed = new Observed({ running: 1, queued: 2 });
    const { outcomes } = observed;
    observed.arrive();
    observed.arrive(0, performance.now());
    expect(outcomes).toEqual(["inside", "DEADLINE_EXCEEDED"]);
  });

  it("skips those whose deadline has passed before their timer could say so", async () => {
    let nowMs = 0;
    const gate = new ConcurrencyGate({ running: 1, queued: 2 }, () => nowMs);
    gate.tryEnter();
    const late = gate.wait(0, 10).promise;
    const next = gate.wait(1, 30).promise;
    nowMs = 20;
    gate.leave();
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", status: 504 });
    await next;
    expect([gate.running, gate.waiting]).toEqual([1, 0]);
  });

  it("forgets at once who is cancelled, and only then", async () => {
    const observed = new Observed({ running: 1, queued: 2 });
    const { gate, outcomes, waiting } = observed;
    observed.arrive();
    observed.arrive();
    observed.arrive();
    waiting.get(1)?.cancel(gone());
    expect(gate.waiting).toBe(1);
    observed.leave(0);
    // Its turn has come: it owes a leave, whatever its client does.
    waiting.get(2)?.cancel(gone());
    await settle();
    expect(outcomes).toEqual(["left", "CLIENT_CLOSED", "inside"]);
    expect(gate.running).toBe(1);
  });

  it("keeps everybody at a reload, and lets in more where more may run", async () => {
    const observed = new Observed({ running: 2, queued: 3 });
    const { gate, outcomes } = observed;
    for (let count = 0; count < 5; count++) observed.arrive();
    gate.setLimits({ running: 1, queued: 1 });
    await settle();
    expect([gate.running, gate.waiting]).toEqual([2, 3]);
    observed.leave(0);
    await settle();
    expect([gate.running, gate.waiting]).toEqual([1, 3]);
    expect(observed.arrive()).toBe(5);
    expect(outcomes[5]).toBe("QUEUE_FULL");
    gate.setLimits({ running: Infinity, queued: 0 });
    await settle();
    expect([gate.running, gate.waiting]).toEqual([4, 0]);
    expect(outcomes).toEqual(["left", "inside", "inside", "inside", "inside", "QUEUE_FULL"]);
  });

  it("says by the pace of the last seconds when there may be room, from 1 to 60 s", async () => {
    const observed = new Observed({ running: 1, queued: 100 });
    const { gate, outcomes } = observed;
    observed.arrive();
    for (let count = 0; count < 100; count++) observed.arrive();
    expect(gate.retryAfterSeconds()).toBe(1);
    for (let count = 0; count < 80; count++) {
      vi.advanceTimersByTime(500);
      observed.leave(outcomes.indexOf("inside"));
      await settle();
    }
    // Twenty wait, two a second leave.
    expect(gate.retryAfterSeconds()).toBeGreaterThanOrEqual(9);
    expect(gate.retryAfterSeconds()).toBeLessThanOrEqual(12);
    vi.advanceTimersByTime(600_000);
    expect(gate.retryAfterSeconds()).toBe(60);
  });

  it("does not take quiet times for slow ones", async () => {
    const gate = new ConcurrencyGate({ running: 1, queued: 1 });
    for (let count = 0; count < 20; count++) {
      gate.tryEnter();
      const next = gate.wait(0, Infinity).promise;
      vi.advanceTimersByTime(100);
      gate.leave();
      await next;
      gate.leave();
      vi.advanceTimersByTime(60_000);
    }
    gate.tryEnter();
    gate.wait(0, Infinity).promise.catch(() => {});
    expect(gate.retryAfterSeconds()).toBe(1);
  });

  it("refuses to be left more often than entered", () => {
    const gate = new ConcurrencyGate({ running: 1, queued: 0 });
    gate.tryEnter();
    gate.leave();
    expect(() => gate.leave()).toThrow("left more often than entered");
    expect(gate.running).toBe(0);
  });

  it("does in every history what a plain list does", async () => {
    const limits = fc.record({ running: fc.integer({ min: 1, max: 4 }), queued: fc.nat(4) });
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.tuple(fc.constant("arrive"), fc.nat(2), fc.integer({ min: 0, max: 40 })),
      },
      { weight: 4, arbitrary: fc.tuple(fc.constant("leave"), fc.nat(), fc.constant(0)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant("cancel"), fc.nat(), fc.constant(0)) },
      {
        weight: 2,
        arbitrary: fc.tuple(fc.constant("time"), fc.integer({ min: 1, max: 20 }), fc.constant(0)),
      },
      { weight: 1, arbitrary: fc.tuple(fc.constant("reload"), fc.nat(), limits) },
    );
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 80, size: "max" }), async (first, steps) => {
        const observed = new Observed(first);
        const model = new Model(first);
        let most = first;
        for (const [action, number, detail] of steps) {
          if (action === "arrive") {
            const deadlineMs = performance.now() + (detail as number);
            observed.arrive(number, deadlineMs);
            model.arrive(number, deadlineMs, performance.now());
          } else if (action === "leave") {
            const inside = model.having("inside");
            const id = inside[number % inside.length];
            if (id === undefined) continue;
            observed.leave(id);
            model.leave(id);
          } else if (action === "cancel") {
            const ids = [...observed.waiting.keys()];
            const id = ids[number % ids.length];
            if (id === undefined) continue;
            observed.waiting.get(id)?.cancel(gone());
            model.end(id, "CLIENT_CLOSED");
          } else if (action === "time") {
            vi.advanceTimersByTime(number);
            model.expire(performance.now());
          } else {
            const next = detail as ConcurrencyLimits;
            observed.gate.setLimits(next);
            model.setLimits(next);
            most = {
              running: Math.max(next.running, observed.gate.running),
              queued: Math.max(next.queued, observed.gate.waiting),
            };
          }
          await settle();
          expect(observed.outcomes).toEqual(model.outcomes);
          expect(observed.gate.running).toBe(model.having("inside").length);
          expect(observed.gate.waiting).toBe(model.having("waiting").length);
          expect(observed.gate.running).toBeLessThanOrEqual(most.running);
          expect(observed.gate.waiting).toBeLessThanOrEqual(most.queued);
        }
        // Nothing is lost: when all leave, all who wait get their turn.
        for (let inside = model.having("inside"); inside.length > 0; inside = model.having("inside")) {
          const [id = -1] = inside;
          observed.leave(id);
          model.leave(id);
          await settle();
          expect(observed.outcomes).toEqual(model.outcomes);
        }
        expect([observed.gate.running, observed.gate.waiting]).toEqual([0, 0]);
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

/** The same door as a list that is sorted and searched anew at every step. */
class Model {
  readonly outcomes: string[] = [];
  readonly #requests: { id: number; priority: number; deadlineMs: number }[] = [];
  #limits: ConcurrencyLimits;

  constructor(limits: ConcurrencyLimits) {
    this.#limits = limits;
  }

  having(outcome: string): number[] {
    return this.#requests.map(({ id }) => id).filter((id) => this.outcomes[id] === outcome);
  }

  arrive(priority: number, deadlineMs: number, nowMs: number): void {
    const id = this.outcomes.length;
    this.#requests.push({ id, priority, deadlineMs });
    if (this.having("inside").length < this.#limits.running) {
      this.outcomes[id] = "inside";
      return;
    }
    if (deadlineMs <= nowMs) {
      this.outcomes[id] = "DEADLINE_EXCEEDED";
      return;
    }
    const line = this.#line();
    const last = line.at(-1);
    this.outcomes[id] = "waiting";
    if (line.length < this.#limits.queued) return;
    if (last && last.priority > priority) this.outcomes[last.id] = "QUEUE_FULL";
    else this.outcomes[id] = "QUEUE_FULL";
  }

  leave(id: number): void {
    this.outcomes[id] = "left";
    this.#admit();
  }

  /** Ends a wait; what does not wait stays as it is. */
  end(id: number, outcome: string): void {
    if (this.outcomes[id] === "waiting") this.outcomes[id] = outcome;
  }

  expire(nowMs: number): void {
    for (const { id, deadlineMs } of this.#requests) {
      if (deadlineMs <= nowMs) this.end(id, "DEADLINE_EXCEEDED");
    }
  }

  setLimits(limits: ConcurrencyLimits): void {
    this.#limits = limits;
    this.#admit();
  }

  #line() {
    return this.#requests
      .filter(({ id }) => this.outcomes[id] === "waiting")
      .toSorted((left, right) => left.priority - right.priority || left.id - right.id);
  }

  #admit(): void {
    for (const { id } of this.#line()) {
      if (this.having("inside").length >= this.#limits.running) return;
      this.outcomes[id] = "inside";
    }
  }
}
