import { compareText } from "../text-order.ts";
import type {
  InfernoAccelerator,
  InfernoServer,
  InfernoSystem,
  ModelPerformance,
  ModelTarget,
} from "./inferno-system.ts";
import { largestRate } from "./largest-rate.ts";
import type { BindingTarget, LargestRate } from "./largest-rate.ts";
import type { RateModels } from "./rate-model.ts";

/** A replica of a model on an accelerator that holds the targets of a class, at the most load it can take. */
export interface Offer {
  readonly accelerator: InfernoAccelerator;
  readonly performance: ModelPerformance;
  readonly maxBatchSize: number;
  readonly arrivalsPerMs: number;
  /** Requests a ms that are served at that load; infinite where requests take no time. */
  readonly throughputPerMs: number;
  readonly binding: BindingTarget;
}

/** An accelerator that cannot serve, and the target that it breaks however little load it has. */
export interface MissedTarget {
  readonly accelerator: string;
  readonly target: "itl" | "ttft";
  readonly reachedMs: number;
  readonly allowedMs: number;
}

/** What all servers of one class, model and request size have in common. */
export interface ServerKind {
  /** In the order of their names. */
  readonly offers: readonly Offer[];
  readonly missed: readonly MissedTarget[];
  /** Accelerators whose batch is larger than can be computed with. */
  readonly tooLarge: readonly string[];
}

/** An accelerator and how fast the model is on it. */
export interface RunnableModel {
  readonly accelerator: InfernoAccelerator;
  readonly performance: ModelPerformance;
}

/** Largest batch that is computed with: far above any engine's, and its chain still takes milliseconds. */
const largestBatchSize = 2 ** 20;

/** The largest load of every model on every accelerator, found once for all servers that have it in common. */
export class Offers {
  readonly #models: RateModels;
  readonly #runnable: ReadonlyMap<string, readonly RunnableModel[]>;
  readonly #kinds = new Map<ModelTarget, Map<string, ServerKind>>();

  constructor(system: InfernoSystem, models: RateModels) {
    this.#models = models;
    this.#runnable = runnableModels(system);
  }

  /** Accelerators that have performance data for the model, in the order of their names. */
  runnable(model: string): readonly RunnableModel[] {
    return this.#runnable.get(model) ?? [];
  }

  /** `targets` are those of the server's class for its model. The server has load. */
  kindOf(server: InfernoServer, targets: ModelTarget): ServerKind {
    let kinds = this.#kinds.get(targets);
    if (kinds === undefined) this.#kinds.set(targets, (kinds = new Map()));
    const size = `${server.inputTokens}/${server.outputTokens}/${server.maxBatchSize}`;
    let kind = kinds.get(size);
    if (kind === undefined) kinds.set(size, (kind = this.#newKind(server, targets)));
    return kind;
  }

  #newKind(server: InfernoServer, targets: ModelTarget): ServerKind {
    const offers: Offer[] = [];
    const missed: MissedTarget[] = [];
    const tooLarge: string[] = [];
    for (const { accelerator, performance } of this.runnable(server.model)) {
      const maxBatchSize = batchSizeOf(server, performance);
      if (maxBatchSize > largestBatchSize) {
        tooLarge.push(accelerator.name);
        continue;
      }
      const model = this.#models(performance, server, maxBatchSize);
      const rate = model.highestPerMs === Infinity ? withoutWork : largestRate(model, targets);
      if (rate.feasible) {
        const { arrivalsPerMs, throughputPerMs, binding } = rate;
        offers.push({ accelerator, performance, maxBatchSize, arrivalsPerMs, throughputPerMs, binding });
      } else {
        const { broken, reachedMs } = rate;
        const allowedMs = broken === "itl" ? targets.itlMs : targets.ttftMs;
        missed.push({ accelerator: accelerator.name, target: broken, reachedMs, allowedMs });
      }
    }
    return { offers, missed, tooLarge };
  }
}

/** Requests that take no time: one replica serves any number. */
const withoutWork: LargestRate = {
  feasible: true,
  arrivalsPerMs: Infinity,
  throughputPerMs: Infinity,
  binding: "saturation",
};

/** The server's own, or the model's, which holds at a given length, scaled to the server's: its memory is the same. */
function batchSizeOf(server: InfernoServer, performance: ModelPerformance): number {
  if (server.maxBatchSize > 0) return server.maxBatchSize;
  return Math.max(Math.floor((performance.maxBatchSize * performance.atTokens) / server.outputTokens), 1);
}

function runnableModels(system: InfernoSystem): ReadonlyMap<string, readonly RunnableModel[]> {
  const accelerators = new Map(system.accelerators.map((one) => [one.name, one]));
  const runnable = Map.groupBy(
    // Data files list accelerators that a system does not have: the same model data serve many systems.
    system.models.flatMap((performance) => {
      const accelerator = accelerators.get(performance.accelerator);
      return accelerator === undefined ? [] : [{ accelerator, performance }];
    }),
    ({ performance }) => performance.model,
  );
  for (const models of runnable.values()) {
    models.sort((a, b) => compareText(a.accelerator.name, b.accelerator.name));
  }
  return runnable;
}
