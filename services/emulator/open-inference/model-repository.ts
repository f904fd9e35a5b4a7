import type { GroupModel } from "../../../platform/plan/platform-plan.ts";
import type { Clock } from "../engine/clock.ts";

export type ModelState = "not-loaded" | "loading" | "ready" | "unloading" | "unloaded";

/** Time in ms that a model takes to go after its unload was answered; a second or so where a process has to end. */
const unloadMs = 100;

interface Entry {
  readonly model: GroupModel;
  /** Sorted, the newest last. */
  readonly versions: readonly string[];
  state: ModelState;
  loading: Promise<void> | undefined;
  unloading: Promise<void> | undefined;
}

export interface ModelRepositorySettings {
  readonly models: readonly GroupModel[];
  readonly loading: "preload" | "on-demand";
  /** Time one load takes in ms. */
  readonly loadMs: number;
}

/** Looks up a model version as Triton does, with the status and message it answers where there is none. */
export type ModelLookup =
  | { readonly ok: true; readonly model: GroupModel; readonly version: string }
  | { readonly ok: false; readonly status: 404 | 503; readonly error: string };

/** Which models of a server are loaded. Preloaded ones are ready from the start; the others wait for a load request. */
export class ModelRepository {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #loadMs: number;
  readonly #clock: Clock;
  readonly #cancels = new Set<() => void>();

  constructor(settings: ModelRepositorySettings, clock: Clock) {
    this.#entries = new Map(
      settings.models.map((model) => [
        model.name,
        {
          model,
          versions: model.versions.map(({ version }) => version).toSorted(byVersion),
          state: settings.loading === "preload" ? "ready" : "not-loaded",
          loading: undefined,
          unloading: undefined,
        },
      ]),
    );
    this.#loadMs = settings.loadMs;
    this.#clock = clock;
  }

  /** Strict readiness: false while a model comes or goes, true where models are only unloaded. */
  get ready(): boolean {
    return this.#entries.values().every(({ state }) => state !== "loading" && state !== "unloading");
  }

  /** Without a version, the newest is meant. */
  find(name: string, version?: string): ModelLookup {
    const entry = this.#entries.get(name);
    const wanted = version ?? entry?.versions.at(-1);
    if (entry === undefined || entry.state === "not-loaded") return unknown(404, `'${name}' is not found`);
    if (wanted === undefined || !entry.versions.includes(wanted)) {
      return unknown(404, `'${name}' version ${wanted} is not found`);
    }
    if (entry.state !== "ready") {
      return version === undefined
        ? unknown(404, `'${name}' has no available versions`)
        : unknown(503, `'${name}' version ${wanted} is not at ready state`);
    }
    return { ok: true, model: entry.model, version: wanted };
  }

  versionsOf(name: string): readonly string[] {
    return this.#entries.get(name)?.versions ?? [];
  }

  /** Resolves when the model is ready; false where the repository holds no such model. Loads in progress are shared. */
  async load(name: string): Promise<boolean> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return false;
    await entry.unloading;
    if (entry.state !== "ready") {
      entry.state = "loading";
      entry.loading ??= this.#wait(this.#loadMs).then(() => {
        entry.state = "ready";
        entry.loading = undefined;
      });
      await entry.loading;
    }
    return true;
  }

  /**
   * A load in progress ends first. Resolves while the model still goes, as Triton answers. Triton does not mind an
   * unknown name.
   */
  async unload(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    await entry?.loading;
    if (entry?.state !== "ready") return;
    entry.state = "unloading";
    entry.unloading = this.#wait(unloadMs).then(() => {
      entry.state = "unloaded";
      entry.unloading = undefined;
    });
  }

  /** The body of Triton's repository index. */
  index(readyOnly: boolean): readonly object[] {
    return [...this.#entries.values()].flatMap(({ model, versions, state }) => {
      if (readyOnly && state !== "ready") return [];
      // A model that was never loaded has neither version nor state.
      if (state === "not-loaded") return [{ name: model.name }];
      return versions.map((version) => ({
        name: model.name,
        version,
        state: state === "unloaded" ? "UNAVAILABLE" : state.toUpperCase(),
        ...(state === "unloaded" ? { reason: "unloaded" } : {}),
      }));
    });
  }

  /** Loads and unloads in progress never end. */
  stop(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  #wait(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.wakeAt(this.#clock.nowMs() + durationMs, () => {
        this.#cancels.delete(cancel);
        resolve();
      });
      this.#cancels.add(cancel);
    });
  }
}

function unknown(status: 404 | 503, what: string): ModelLookup {
  return { ok: false, status, error: `Request for unknown model: ${what}` };
}

/** Versions are numbers to Triton: 10 is newer than 9. */
function byVersion(left: string, right: string): number {
  return left.localeCompare(right, "en", { numeric: true });
}
