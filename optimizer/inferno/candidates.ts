import type { Candidate, CandidatePart } from "./candidate.ts";
import { cheapestSplits } from "./split.ts";
import type { InfernoServer, InfernoSystem, ModelTarget } from "./inferno-system.ts";
import { Offers } from "./offers.ts";
import type { Offer, RunnableModel, ServerKind } from "./offers.ts";
import type { RateModels } from "./rate-model.ts";
import { compareText } from "../text-order.ts";
import { costOfAll, transitionValue } from "./transition-value.ts";
import type { UnservedReason } from "./unserved-reason.ts";

/** A server with every way to serve it in full, or why there is none. */
export interface SizedServer {
  readonly server: InfernoServer;
  /** 1 (most important) … 100. */
  readonly priority: number;
  /** Requests a ms that all replicas together must serve. */
  readonly loadPerMs: number;
  readonly candidates: readonly Candidate[];
  /** Why there is no candidate; absent where there is one. */
  readonly reason?: UnservedReason;
}

export interface SizingOptions {
  readonly models: RateModels;
  /** Asked between servers: true ends the sizing, and the servers left have no candidates. */
  readonly isOutOfTime?: () => boolean;
}

const lowestPriority = 100;

/** Every server's candidates; the servers in the order of their names. */
export function sizeServers(system: InfernoSystem, options: SizingOptions): readonly SizedServer[] {
  const sizing = new Sizing(system, options.models);
  // Should the time not suffice, then for the least important ones.
  const inOrder = Map.groupBy(system.servers, (server) => sizing.priorityOf(server));
  let outOfTime = false;
  return [...inOrder]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([, servers]) => servers.toSorted((a, b) => compareText(a.name, b.name)))
    .map((server): SizedServer => {
      outOfTime ||= options.isOutOfTime?.() ?? false;
      return outOfTime ? sizing.unsized(server, { kind: "time-limit" }) : sizing.size(server);
    })
    .sort((a, b) => compareText(a.server.name, b.server.name));
}

class Sizing {
  readonly #offers: Offers;
  readonly #classes: ReadonlyMap<
    string,
    { readonly priority: number; readonly targets: ReadonlyMap<string, ModelTarget> }
  >;
  /** Names of the accelerators that each model has performance data for, whether the system has them or not. */
  readonly #performanceData: ReadonlyMap<string, readonly string[]>;
  readonly #heterogeneous: boolean;

  constructor(system: InfernoSystem, models: RateModels) {
    this.#offers = new Offers(system, models);
    this.#classes = new Map(
      system.serviceClasses.map(({ name, priority, targets }) => [
        name,
        { priority, targets: new Map(targets.map((target) => [target.model, target])) },
      ]),
    );
    this.#performanceData = new Map(
      [...Map.groupBy(system.models, ({ model }) => model)].map(([model, data]) => [
        model,
        data.map(({ accelerator }) => accelerator).toSorted(compareText),
      ]),
    );
    this.#heterogeneous = system.options.heterogeneous;
  }

  size(server: InfernoServer): SizedServer {
    const serviceClass = this.#classes.get(server.serviceClass);
    if (serviceClass === undefined) {
      return this.unsized(server, { kind: "class-undefined", serviceClass: server.serviceClass });
    }
    const { priority } = serviceClass;
    const { model } = server;
    const runnable = this.#offers.runnable(model);
    if (runnable.length === 0) {
      const undefinedAccelerators = this.#performanceData.get(model) ?? [];
      return this.unsized(server, { kind: "model-without-accelerator", model, undefinedAccelerators });
    }
    const targets = serviceClass.targets.get(model);
    if (targets === undefined) {
      const reason = { kind: "model-without-target", serviceClass: server.serviceClass, model } as const;
      return this.unsized(server, reason);
    }
    if (server.requestsPerMinute === 0 || server.outputTokens === 0) {
      const candidates = idleCandidates(server, runnable);
      const reason = reasonWithout(server, candidates);
      return { server, priority, loadPerMs: 0, candidates, ...(reason && { reason }) };
    }
    const loadPerMs = loadOf(server, targets);
    const kind = this.#offers.kindOf(server, targets);
    const candidates = loadedCandidates(server, kind.offers, loadPerMs, this.#heterogeneous);
    const reason = reasonWithout(server, candidates, kind);
    return { server, priority, loadPerMs, candidates, ...(reason && { reason }) };
  }

  /** A server without candidates. */
  unsized(server: InfernoServer, reason: UnservedReason): SizedServer {
    return { server, priority: this.priorityOf(server), loadPerMs: 0, candidates: [], reason };
  }

  priorityOf({ serviceClass }: InfernoServer): number {
    return this.#classes.get(serviceClass)?.priority ?? lowestPriority;
  }
}

const msPerMinute = 60_000;
const msPerSecond = 1000;

/** A throughput target says how much is to be generated in all; the arrival rate does not count beside it. */
function loadOf(server: InfernoServer, { tokensPerSecond }: ModelTarget): number {
  return tokensPerSecond > 0
    ? tokensPerSecond / server.outputTokens / msPerSecond
    : server.requestsPerMinute / msPerMinute;
}

function mayUse(server: InfernoServer, accelerator: string): boolean {
  const { current } = server;
  return !server.keepAccelerator || current.accelerator === "" || current.accelerator === accelerator;
}

/** Without load, only the replicas that are always there: the model's own batch size, since there are no requests. */
function idleCandidates(server: InfernoServer, runnable: readonly RunnableModel[]): readonly Candidate[] {
  const allowed = runnable.filter(({ accelerator }) => mayUse(server, accelerator.name));
  if (allowed.length === 0) return [];
  if (server.minReplicas === 0) return [candidateOf(server, [])];
  return allowed.map(({ accelerator, performance }) =>
    candidateOf(server, [
      {
        accelerator,
        performance,
        maxBatchSize: server.maxBatchSize > 0 ? server.maxBatchSize : performance.maxBatchSize,
        replicas: server.minReplicas,
      },
    ]),
  );
}

function loadedCandidates(
  server: InfernoServer,
  offers: readonly Offer[],
  loadPerMs: number,
  heterogeneous: boolean,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const offer of offers) {
    if (!mayUse(server, offer.accelerator.name)) continue;
    const replicas = replicasFor(loadPerMs, offer, server.minReplicas);
    if (replicas <= Number.MAX_SAFE_INTEGER) candidates.push(candidateOf(server, [partOf(offer, replicas)]));
  }
  if (!heterogeneous) return candidates;
  const splits = cheapestSplits(
    candidates.flatMap(({ parts }) => parts),
    loadPerMs,
    server.minReplicas,
  );
  return [...candidates, ...splits.map((parts) => candidateOf(server, parts))];
}

/** The fewest replicas that serve the load; load needs at least one. */
function replicasFor(loadPerMs: number, offer: Offer, minReplicas: number): number {
  return Math.max(Math.ceil(loadPerMs / offer.throughputPerMs), minReplicas, 1);
}

export function partOf(offer: Offer, replicas: number): CandidatePart {
  const { accelerator, performance, maxBatchSize } = offer;
  return { accelerator, performance, maxBatchSize, replicas, offer };
}

function candidateOf(server: InfernoServer, parts: readonly CandidatePart[]): Candidate {
  return {
    parts,
    replicas: parts.reduce((sum, part) => sum + part.replicas, 0),
    cost: costOfAll(parts),
    value: transitionValue(server.current, parts),
  };
}

function reasonWithout(
  server: InfernoServer,
  candidates: readonly Candidate[],
  kind?: ServerKind,
): UnservedReason | undefined {
  if (candidates.length > 0) return undefined;
  if (server.keepAccelerator && server.current.accelerator !== "") {
    return { kind: "kept-accelerator", accelerator: server.current.accelerator };
  }
  // An offer without a candidate takes more replicas than can be counted.
  const tooMany = kind?.offers.map(({ accelerator }) => accelerator.name) ?? [];
  const accelerators = [...(kind?.tooLarge ?? []), ...tooMany];
  return accelerators.length > 0
    ? { kind: "too-large", accelerators }
    : { kind: "targets", missed: kind?.missed ?? [] };
}
