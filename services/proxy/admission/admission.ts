import { mayUse } from "../auth/allow-list.ts";
import type { Principal } from "../auth/principal.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import type { IndexedModel, Route, RoutingIndex } from "../routing/routing-index.ts";
import type { RateLimit, RouteModel } from "../../../platform/routes/routing-table.ts";
import { ConcurrencyGate, type Waiting } from "./concurrency-gate.ts";
import { RateLimiter } from "./rate-limiter.ts";

/** The limits of one model of a server; they outlive the routing table that they came with. */
interface ModelLimits {
  gate: ConcurrencyGate | undefined;
  rate: RateLimiter | undefined;
}

/** All callers of a model share its rate. */
const everyone = "";

/** Who may ask for what, how often, and how many at a time. */
export class Admission {
  readonly #ofName = new Map<string, ModelLimits>();
  /** Of earlier tables too, whose requests are still under way. */
  readonly #ofModel = new WeakMap<RouteModel, ModelLimits>();
  #callers: RateLimiter | undefined;
  #keys: RateLimiter | undefined;

  /** Takes the limits of a routing table. Who is inside or waits stays; who has to wait still has to. */
  use({ models, callerRate, keyRate }: Pick<RoutingIndex, "models" | "callerRate" | "keyRate">): void {
    this.#callers = limiterOf(this.#callers, callerRate);
    this.#keys = limiterOf(this.#keys, keyRate);
    const named = new Set<string>();
    for (const [server, held] of models) {
      for (const [name, indexed] of held) {
        const key = JSON.stringify([server, name]);
        const limits = limitsOf(this.#ofName.get(key), indexed);
        if (!limits.gate && !limits.rate) continue;
        named.add(key);
        this.#ofName.set(key, limits);
        this.#ofModel.set(indexed.model, limits);
      }
    }
    for (const key of this.#ofName.keys()) if (!named.has(key)) this.#ofName.delete(key);
  }

  /**
   * Counts a request against the rates of its model, its caller and its key. What one of them refuses counts against
   * none: a caller who asks too often must not use up what a model has for the others.
   *
   * @throws ProxyFailure NOT_ALLOWED, RATE_LIMITED
   */
  count({ model }: Route, principal: Principal, nowMs: number): void {
    if (!mayUse(principal, model.allow)) throw new ProxyFailure("NOT_ALLOWED");
    const rate = this.#ofModel.get(model)?.rate;
    const seconds = Math.max(
      rate?.waitSeconds(everyone, nowMs) ?? 0,
      this.#callers?.waitSeconds(principal.caller, nowMs) ?? 0,
      this.#keys?.waitSeconds(principal.key, nowMs) ?? 0,
    );
    if (seconds > 0) throw new ProxyFailure("RATE_LIMITED", undefined, { retryAfterSeconds: seconds });
    rate?.take(everyone, nowMs);
    this.#callers?.take(principal.caller, nowMs);
    this.#keys?.take(principal.key, nowMs);
  }

  /**
   * Takes a place in the model's engine: at once, which gives undefined, or after a wait. Either owes the gate a `leave`.
   *
   * @throws ProxyFailure QUEUE_FULL, DEADLINE_EXCEEDED
   */
  enter(gate: ConcurrencyGate, { priority }: Route, deadlineMs: number): Waiting | undefined {
    return gate.tryEnter() ? undefined : gate.wait(priority, deadlineMs);
  }

  /** The gate of a model, where its concurrency is limited. */
  gateOf({ model }: Route): ConcurrencyGate | undefined {
    return this.#ofModel.get(model)?.gate;
  }

  /** Takes the tokens of an answer from the rates. */
  charge({ model }: Route, principal: Principal, tokens: number, nowMs: number): void {
    this.#ofModel.get(model)?.rate?.charge(everyone, tokens, nowMs);
    this.#callers?.charge(principal.caller, tokens, nowMs);
    this.#keys?.charge(principal.key, tokens, nowMs);
  }
}

function limitsOf(known: ModelLimits | undefined, { model }: IndexedModel): ModelLimits {
  const limits = known ?? { gate: undefined, rate: undefined };
  limits.rate = limiterOf(limits.rate, model.rate);
  if (model.concurrency) {
    limits.gate ??= new ConcurrencyGate(model.concurrency);
    limits.gate.setLimits(model.concurrency);
  } else {
    // Who waits there goes in; whoever is inside leaves the old gate.
    limits.gate?.setLimits({ running: Infinity, queued: 0 });
    limits.gate = undefined;
  }
  return limits;
}

function limiterOf(known: RateLimiter | undefined, rate: RateLimit | undefined): RateLimiter | undefined {
  if (!rate) return undefined;
  known?.setRate(rate);
  return known ?? new RateLimiter(rate);
}
