import { ProxyFailure } from "../../proxy-failure.ts";
import type { Deadlines } from "../connection/deadlines.ts";
import type { EngineRepository } from "./engine-repository.ts";
import { ModelWaiter } from "./model-waiter.ts";
import type { UnloadPolicy } from "./unload-policy.ts";

/** A model that an engine did not unload is left alone for this long. */
const keepRefusedMs = 5_000;

/** When a client may come again whose model found no room: requests in the others take seconds. */
const noRoomRetrySeconds = 5;

/** A model that somebody asked for, or that the engine had loaded already. */
interface HeldModel {
  readonly name: string;
  /** `absent` where it is not loaded or nothing is known. All others take up a place at the engine. */
  state: "absent" | "loading" | "loaded" | "unloading";
  /** Requests that were granted it and have not released it; they outlive what is known of the engine. */
  users: number;
  readonly waiters: Set<ModelWaiter>;
  /** When it was last asked for or released; -Infinity for one that was found loaded. */
  lastUsedMs: number;
  stayUntilMs: number;
}

export interface EndpointModelsOptions {
  readonly repository: EngineRepository;
  readonly policy: UnloadPolicy;
  readonly deadlines: Pick<Deadlines, "add" | "delete">;
  readonly nowMs: () => number;
}

/**
 * Which models one engine holds, who uses them and who waits for one. A model is loading, loaded or unloading, so its
 * loads and unloads never overlap; one with users is never unloaded; and never more than `maxLoaded` are in these three
 * states together. Those who wait for a place get it in the order in which their models were first asked for.
 */
export class EndpointModels {
  /** Applies from the next decision on. */
  policy: UnloadPolicy;
  readonly #repository: EngineRepository;
  readonly #deadlines: Pick<Deadlines, "add" | "delete">;
  readonly #nowMs: () => number;
  readonly #models = new Map<string, HeldModel>();
  /** Waited for and neither loaded nor being loaded, the longest first. */
  readonly #wanted = new Set<HeldModel>();
  /** Whether `#models` holds all that the engine has loaded; of interest only where there is a limit. */
  #known = false;
  #knownSinceMs = -Infinity;
  #learning = false;
  /** How often knowledge was lost: what was asked before is no answer after. */
  #losses = 0;

  constructor({ repository, policy, deadlines, nowMs }: EndpointModelsOptions) {
    this.#repository = repository;
    this.policy = policy;
    this.#deadlines = deadlines;
    this.#nowMs = nowMs;
  }

  /** Nobody uses or waits for anything, and no question is under way. */
  get quiet(): boolean {
    if (this.#learning) return false;
    for (const { users, waiters, state } of this.#models.values()) {
      if (users > 0 || waiters.size > 0 || state === "loading" || state === "unloading") return false;
    }
    return true;
  }

  /** Whether the model is here or on its way. */
  holds(name: string): boolean {
    const held = this.#models.get(name);
    return (
      held !== undefined && (held.state === "loaded" || held.state === "loading" || held.waiters.size > 0)
    );
  }

  /** Counts a user of a model that is loaded; false where it has to be waited for. */
  tryUse(name: string): boolean {
    const held = this.#models.get(name);
    if (held?.state !== "loaded") return false;
    held.users++;
    held.lastUsedMs = this.#nowMs();
    return true;
  }

  /** Has the model loaded and counts a user; rejects with a `ProxyFailure`, at the latest at the deadline. */
  use(name: string, deadlineMs: number): Promise<void> {
    if (this.tryUse(name)) return Promise.resolve();
    const held = this.#hold(name);
    held.lastUsedMs = this.#nowMs();
    const waiter = new ModelWaiter(deadlineMs, (late) => this.#late(held, late));
    held.waiters.add(waiter);
    this.#deadlines.add(waiter);
    if (held.state === "absent" || held.state === "unloading") this.#wanted.add(held);
    this.#advance();
    return waiter.granted;
  }

  /** Ends a use. */
  release(name: string): void {
    const held = this.#models.get(name);
    if (!held || held.users === 0) return;
    held.users--;
    if (held.users > 0) return;
    held.lastUsedMs = this.#nowMs();
    this.#tidy(held);
    if (this.#wanted.size > 0) this.#advance();
  }

  /** The engine may have lost its models. Those on their way are left to the end of their question. */
  forget(): void {
    this.#lose();
    for (const held of this.#models.values()) {
      if (held.state === "loaded") this.#leave(held);
    }
  }

  /** The engine has lost this model. */
  lost(name: string): void {
    const held = this.#models.get(name);
    if (held?.state !== "loaded") return;
    this.#lose();
    this.#leave(held);
  }

  /** Unloads what nobody asked for, and what is above the limit of a new policy. */
  sweep(): void {
    if (!this.#learning) {
      const idleSinceMs = this.#nowMs() - this.policy.idleMs;
      for (const held of this.#models.values()) {
        // One that was found loaded may have been used until then.
        const lastUsedMs = Math.max(held.lastUsedMs, this.#knownSinceMs);
        if (lastUsedMs <= idleSinceMs && this.#mayGo(held)) void this.#unload(held);
      }
    }
    this.#advance();
  }

  /** Starts what can be started: a question about what is loaded, loads, or unloads that make room for them. */
  #advance(): void {
    if (this.#learning) return;
    if (this.policy.limited && !this.#known) {
      // While models come and go the answer would be old before it is here.
      const still = this.#count("loading") + this.#count("unloading") === 0;
      if (still && this.#wanted.size > 0) void this.#learn();
      return;
    }
    let places = this.policy.maxLoaded - this.#models.size + this.#count("absent");
    for (const held of this.#wanted) {
      if (places <= 0) break;
      if (held.state !== "absent") continue;
      places--;
      void this.#load(held);
    }
    let missing = this.#wanted.size - places - this.#count("unloading");
    for (; missing > 0; missing--) {
      const victim = this.#leastRecentlyUsed();
      if (!victim) break;
      void this.#unload(victim);
    }
    if (missing > 0 && this.#wanted.size > 0 && this.#full()) this.#refuseWanted(noRoom());
  }

  async #learn(): Promise<void> {
    const losses = this.#losses;
    this.#learning = true;
    let loaded: ReadonlySet<string>;
    try {
      loaded = await this.#repository.loaded();
    } catch (failure) {
      this.#learning = false;
      this.#refuseWanted(failure as ProxyFailure);
      return;
    }
    this.#learning = false;
    if (losses === this.#losses) {
      this.#known = true;
      this.#knownSinceMs = this.#nowMs();
      for (const name of loaded) {
        if (!this.policy.lists(name) && !this.#models.has(name)) continue;
        const held = this.#hold(name);
        if (held.state === "absent") this.#arrive(held);
      }
      for (const held of this.#models.values()) this.#tidy(held);
    }
    this.#advance();
  }

  async #load(held: HeldModel): Promise<void> {
    this.#wanted.delete(held);
    held.state = "loading";
    try {
      await this.#repository.load(held.name);
      this.#arrive(held);
    } catch (error) {
      const failure = error as ProxyFailure;
      // Where the engine itself did not say so, nobody knows whether it is loaded now.
      if (failure.code !== "MODEL_LOAD_FAILED") this.#lose();
      this.#refuse(held, failure);
      this.#leave(held);
    }
    this.#advance();
  }

  async #unload(held: HeldModel): Promise<void> {
    held.state = "unloading";
    let gone: boolean | undefined;
    try {
      gone = await this.#repository.unload(held.name);
    } catch {
      this.#lose();
    }
    if (gone !== true) held.stayUntilMs = this.#nowMs() + keepRefusedMs;
    if (gone === false) this.#arrive(held);
    else this.#leave(held);
    this.#advance();
  }

  #arrive(held: HeldModel): void {
    held.state = "loaded";
    this.#wanted.delete(held);
    for (const waiter of held.waiters) {
      this.#deadlines.delete(waiter);
      held.users++;
      waiter.grant();
    }
    held.waiters.clear();
  }

  #leave(held: HeldModel): void {
    held.state = "absent";
    // Until the engine has been asked it may be loaded after all, and then its last use matters.
    if (this.#known || !this.policy.limited) this.#tidy(held);
  }

  #lose(): void {
    this.#known = false;
    this.#losses++;
  }

  #late(held: HeldModel, waiter: ModelWaiter): ProxyFailure {
    const awaitsRoom = this.#known && this.policy.limited && this.#wanted.has(held);
    held.waiters.delete(waiter);
    if (held.waiters.size === 0) {
      this.#wanted.delete(held);
      this.#tidy(held);
    }
    return awaitsRoom ? noRoom() : new ProxyFailure("DEADLINE_EXCEEDED", "The model is still being loaded.");
  }

  #refuse(held: HeldModel, failure: ProxyFailure): void {
    for (const waiter of held.waiters) {
      this.#deadlines.delete(waiter);
      waiter.refuse(failure);
    }
    held.waiters.clear();
    this.#wanted.delete(held);
  }

  #refuseWanted(failure: ProxyFailure): void {
    for (const held of this.#wanted) {
      this.#refuse(held, failure);
      this.#tidy(held);
    }
  }

  #hold(name: string): HeldModel {
    let held = this.#models.get(name);
    if (!held) {
      held = {
        name,
        state: "absent",
        users: 0,
        waiters: new Set(),
        lastUsedMs: -Infinity,
        stayUntilMs: -Infinity,
      };
      this.#models.set(name, held);
    }
    return held;
  }

  /** Drops what is of no use any more: names come from clients where an engine takes any model. */
  #tidy(held: HeldModel): void {
    if (held.state !== "absent" || held.users > 0 || held.waiters.size > 0) return;
    this.#models.delete(held.name);
  }

  #mayGo(held: HeldModel): boolean {
    return (
      held.state === "loaded" &&
      held.users === 0 &&
      held.stayUntilMs <= this.#nowMs() &&
      this.policy.mayUnload(held.name)
    );
  }

  #leastRecentlyUsed(): HeldModel | undefined {
    let least: HeldModel | undefined;
    for (const held of this.#models.values()) {
      if (this.#mayGo(held) && !(least && least.lastUsedMs <= held.lastUsedMs)) least = held;
    }
    return least;
  }

  /** No place will ever become free: waiting is of no use. */
  #full(): boolean {
    for (const { state, name } of this.#models.values()) {
      const stays = state === "absent" || (state === "loaded" && !this.policy.mayUnload(name));
      if (!stays) return false;
    }
    return true;
  }

  #count(state: HeldModel["state"]): number {
    let count = 0;
    for (const held of this.#models.values()) if (held.state === state) count++;
    return count;
  }
}

function noRoom(): ProxyFailure {
  return new ProxyFailure("MODEL_NO_ROOM", undefined, { retryAfterSeconds: noRoomRetrySeconds });
}
