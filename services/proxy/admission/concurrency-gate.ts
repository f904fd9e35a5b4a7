import { ProxyFailure } from "../proxy-failure.ts";
import { DepartureRate } from "./departure-rate.ts";
import { WaitingLine, type Place } from "./waiting-line.ts";

/** Node fires a timer beyond this at once. */
const longestTimerMs = 2_147_483_647;

/** Bounds of `Retry-After` in seconds: less is a busy loop, and nobody knows an engine's load further ahead. */
const retryAfter = { least: 1, most: 60 };

export interface ConcurrencyLimits {
  /** Requests in the engine; `Infinity` for no limit. */
  readonly running: number;
  /** Requests that wait in the proxy; 0 refuses at once. */
  readonly queued: number;
}

/** A request in the queue. */
export interface Waiting {
  /**
   * Resolves when its turn has come: from then on it is inside and owes a `leave`, even if its client has gone in the
   * meantime. Rejects with a `ProxyFailure` when it is pushed out, cancelled, or its deadline has passed.
   */
  readonly promise: Promise<void>;
  /** Leaves the queue at once with this failure. Does nothing after the turn has come. */
  cancel(failure: ProxyFailure): void;
}

/**
 * The door of one model: at most `running` requests are in its engine and at most `queued` wait for their turn.
 *
 * Turns go by strict priority, first come first served within one: as long as important requests keep the engine busy,
 * others wait until their deadlines. A share for them would make the latency of the important ones depend on the load
 * of the others, which is what service classes are paid to prevent. When the queue is full, a more important arrival
 * pushes out the latest of the least important.
 */
export class ConcurrencyGate {
  readonly #line = new WaitingLine<Waiter>();
  readonly #rate = new DepartureRate();
  readonly #nowMs: () => number;
  #limits: ConcurrencyLimits;
  #running = 0;

  /** `nowMs`: the clock of the deadlines. */
  constructor(limits: ConcurrencyLimits, nowMs: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Requests inside. Above the limit only after a reload has lowered it. */
  get running(): number {
    return this.#running;
  }

  /** Requests in the queue. */
  get waiting(): number {
    return this.#line.size;
  }

  /** Takes a place inside if there is one; true owes a `leave`. */
  tryEnter(): boolean {
    // Nobody is overtaken: while a place is free, nobody waits.
    if (this.#running >= this.#limits.running) return false;
    this.#running++;
    return true;
  }

  /**
   * Joins the queue, after `tryEnter` has said no. Throws `QUEUE_FULL` where it is full of requests at least as
   * important, `DEADLINE_EXCEEDED` where no time is left.
   *
   * @param priority that of the service class, the lower the more important; a platform has few different ones
   * @param deadlineMs until when it can wait, on the gate's clock
   */
  wait(priority: number, deadlineMs: number): Waiting {
    const nowMs = this.#nowMs();
    if (deadlineMs <= nowMs) throw late();
    if (this.#line.size >= this.#limits.queued && this.#running >= this.#limits.running) {
      this.#makeRoom(priority);
    }
    if (this.#line.size === 0) this.#rate.resume(nowMs);
    const waiter = new Waiter(this.#line, priority, deadlineMs, nowMs);
    this.#admit(nowMs);
    return waiter;
  }

  /** Gives a place back: exactly once for each `true` of `tryEnter` and each resolved `wait`. */
  leave(): void {
    if (this.#running === 0) throw new RangeError("left more often than entered");
    this.#running--;
    if (this.#line.size === 0) return;
    const nowMs = this.#nowMs();
    this.#rate.departed(nowMs);
    this.#admit(nowMs);
  }

  /**
   * Other limits, at a reload. Nobody who is inside or waits is lost: where there are more of them than the new limits
   * allow, nobody joins until there are fewer.
   */
  setLimits(limits: ConcurrencyLimits): void {
    this.#limits = limits;
    this.#admit(this.#nowMs());
  }

  /**
   * When a refused request may find room, in whole seconds from 1 to 60: the time that all who wait now need to get in,
   * at the pace of the last seconds. 1 where nobody waits.
   */
  retryAfterSeconds(): number {
    const size = this.#line.size;
    if (size === 0) return retryAfter.least;
    const seconds = Math.ceil(((size + 1) * this.#rate.gapMs(this.#nowMs())) / 1000);
    return Math.min(Math.max(seconds, retryAfter.least), retryAfter.most);
  }

  #makeRoom(priority: number): void {
    const lowest = this.#line.lowestPriority;
    const full = new ProxyFailure("QUEUE_FULL", undefined, { retryAfterSeconds: this.retryAfterSeconds() });
    if (lowest === undefined || lowest <= priority) throw full;
    this.#line.last?.item.cancel(full);
  }

  #admit(nowMs: number): void {
    while (this.#running < this.#limits.running) {
      const next = this.#line.first?.item;
      if (!next) return;
      // On a busy event loop a leaver may come before the timer. What nobody waits for any more must not go in.
      if (next.deadlineMs <= nowMs) {
        next.cancel(late());
        continue;
      }
      this.#running++;
      next.enter();
    }
  }
}

class Waiter implements Waiting {
  readonly promise: Promise<void>;
  readonly deadlineMs: number;
  readonly #line: WaitingLine<Waiter>;
  readonly #timer: NodeJS.Timeout;
  readonly #turn = Promise.withResolvers<undefined>();
  /** Undefined once it has left the line, for whatever reason. */
  #place: Place<Waiter> | undefined;

  constructor(line: WaitingLine<Waiter>, priority: number, deadlineMs: number, nowMs: number) {
    this.promise = this.#turn.promise;
    this.deadlineMs = deadlineMs;
    this.#line = line;
    this.#place = line.add(priority, this);
    this.#timer = setTimeout(() => this.cancel(late()), Math.min(deadlineMs - nowMs, longestTimerMs));
  }

  enter(): void {
    if (this.#leaveLine()) this.#turn.resolve(undefined);
  }

  cancel(failure: ProxyFailure): void {
    if (this.#leaveLine()) this.#turn.reject(failure);
  }

  #leaveLine(): boolean {
    if (!this.#place) return false;
    clearTimeout(this.#timer);
    this.#line.remove(this.#place);
    this.#place = undefined;
    return true;
  }
}

function late(): ProxyFailure {
  return new ProxyFailure("DEADLINE_EXCEEDED", "The request waited for its turn until its deadline.");
}
