import type {
  InfernoOptions,
  InfernoServer,
  InfernoSystem,
  ModelPerformance,
  ModelTarget,
  SaturationPolicy,
  ServiceClass,
} from "./inferno-system.ts";
import type { Field, JsonProblem } from "./go-json.ts";
import { amount, count, flag, JsonProblems, list, name, record, renamed, text, whole } from "./go-json.ts";

/** What the six data files hold once parsed; absent ones are as good as empty. */
export interface InfernoFiles {
  readonly acceleratorData?: unknown;
  readonly modelData?: unknown;
  readonly serviceClassData?: unknown;
  readonly serverData?: unknown;
  readonly capacityData?: unknown;
  readonly optimizerData?: unknown;
}

export type InfernoReading =
  | { readonly ok: true; readonly system: InfernoSystem }
  | { readonly ok: false; readonly problems: readonly JsonProblem[] };

/** Reads six parsed files; paths in problems start with the name of the file's field. */
export function readInfernoFiles(files: InfernoFiles): InfernoReading {
  return reading((problems) => systemFields.read(files, problems));
}

/** Reads the form that has everything in one document: `{system: {acceleratorData, modelData, …}}`. */
export function readInfernoDocument(document: unknown): InfernoReading {
  return reading((problems) => documentFields.read(document, problems).system ?? noSystem, "system");
}

/** Priority of a class that names none, or none between 1 and 100: the least important. */
const lowestPriority = 100;

const policies: readonly SaturationPolicy[] = [
  "None",
  "PriorityExhaustive",
  "PriorityRoundRobin",
  "RoundRobin",
];

const saturationPolicy: Field<SaturationPolicy> = {
  absent: "None",
  read: (value, problems) => {
    if (value === "") return "None";
    const policy = policies.find(
      (one) => typeof value === "string" && one.toLowerCase() === value.toLowerCase(),
    );
    if (policy === undefined) problems.add("type", JSON.stringify(value), policies.join(", "));
    return policy ?? "None";
  },
};

const accelerator = record({ name, type: text, multiplicity: count, cost: amount });

const performance: Field<ModelPerformance> = renamed(
  record({
    name,
    acc: name,
    accCount: whole,
    maxBatchSize: count,
    atTokens: count,
    decodeParms: record({ alpha: amount, beta: amount }),
    prefillParms: record({ gamma: amount, delta: amount }),
  }),
  (one) => ({
    model: one.name,
    accelerator: one.acc,
    acceleratorCount: Math.max(one.accCount, 1),
    maxBatchSize: one.maxBatchSize,
    atTokens: one.atTokens,
    alphaMs: one.decodeParms.alpha,
    betaMs: one.decodeParms.beta,
    gammaMs: one.prefillParms.gamma,
    deltaMs: one.prefillParms.delta,
  }),
);

const target: Field<ModelTarget> = renamed(
  record({ model: name, "slo-itl": amount, "slo-ttft": amount, "slo-tps": amount }),
  (one) => ({
    model: one.model,
    itlMs: one["slo-itl"],
    ttftMs: one["slo-ttft"],
    tokensPerSecond: one["slo-tps"],
  }),
);

const serviceClass: Field<ServiceClass> = renamed(
  record({ name, priority: whole, modelTargets: list(target) }),
  (one) => ({
    name: one.name,
    priority: one.priority >= 1 && one.priority <= lowestPriority ? one.priority : lowestPriority,
    targets: one.modelTargets,
  }),
);

/** A server without a class is one of the class that is so called. */
const defaultClass = "Free";

const server: Field<InfernoServer> = renamed(
  record({
    name,
    class: text,
    model: text,
    keepAccelerator: flag,
    minNumReplicas: count,
    maxBatchSize: count,
    currentAlloc: record({
      accelerator: text,
      numReplicas: count,
      cost: amount,
      load: record({ arrivalRate: amount, avgInTokens: count, avgOutTokens: count }),
    }),
  }),
  ({ currentAlloc, ...one }) => ({
    name: one.name,
    serviceClass: one.class || defaultClass,
    model: one.model,
    keepAccelerator: one.keepAccelerator,
    minReplicas: one.minNumReplicas,
    maxBatchSize: one.maxBatchSize,
    current: {
      accelerator: currentAlloc.accelerator,
      replicas: currentAlloc.numReplicas,
      cost: currentAlloc.cost,
    },
    requestsPerMinute: currentAlloc.load.arrivalRate,
    inputTokens: currentAlloc.load.avgInTokens,
    outputTokens: currentAlloc.load.avgOutTokens,
  }),
);

// milpSolver and useCplex choose the peer's solver: they are known, and do not matter here.
const options: Field<InfernoOptions> = record({
  unlimited: flag,
  heterogeneous: flag,
  delayedBestEffort: flag,
  saturationPolicy,
});

const systemFields = record({
  acceleratorData: record({ accelerators: list(accelerator) }),
  modelData: record({ models: list(performance) }),
  serviceClassData: record({ serviceClasses: list(serviceClass) }),
  serverData: record({ servers: list(server) }),
  capacityData: record({
    count: list(renamed(record({ type: name, count }), (one) => ({ type: one.type, units: one.count }))),
  }),
  optimizerData: record({ optimizer: options }),
});

/** Without its one key a document is something else. */
const documentFields = record<{ system: SystemDocument | undefined }>({
  system: { absent: undefined, read: (value, problems) => systemFields.read(value, problems) },
});

type SystemDocument = ReturnType<(typeof systemFields)["read"]>;

const noSystem = systemFields.read({}, new JsonProblems());

function reading(
  read: (problems: JsonProblems) => SystemDocument,
  ...above: readonly string[]
): InfernoReading {
  const problems = new JsonProblems();
  const document = read(problems);
  const system: InfernoSystem = {
    accelerators: document.acceleratorData.accelerators,
    models: document.modelData.models,
    serviceClasses: document.serviceClassData.serviceClasses,
    servers: document.serverData.servers,
    capacity: document.capacityData.count,
    options: document.optimizerData.optimizer,
  };
  if (problems.count > 0) return { ok: false, problems: problems.all };
  const twice = duplicatesOf(system, above);
  return twice.length > 0 ? { ok: false, problems: twice } : { ok: true, system };
}

/** Where a name stands twice, the peer takes either; which one was meant, only the author knows. */
function duplicatesOf(system: InfernoSystem, above: readonly string[]): readonly JsonProblem[] {
  return [
    duplicates(system.accelerators, (one) => one.name, [...above, "acceleratorData", "accelerators"]),
    duplicates(system.models, (one) => JSON.stringify([one.model, one.accelerator]), [
      ...above,
      "modelData",
      "models",
    ]),
    duplicates(system.serviceClasses, (one) => one.name, [...above, "serviceClassData", "serviceClasses"]),
    ...system.serviceClasses.map((one, index) =>
      duplicates(one.targets, ({ model }) => model, [
        ...above,
        "serviceClassData",
        "serviceClasses",
        index,
        "modelTargets",
      ]),
    ),
    duplicates(system.servers, (one) => one.name, [...above, "serverData", "servers"]),
    duplicates(system.capacity, (one) => one.type, [...above, "capacityData", "count"]),
  ].flat();
}

function duplicates<T>(
  entries: readonly T[],
  keyOf: (entry: T) => string,
  path: readonly (string | number)[],
): readonly JsonProblem[] {
  const seen = new Map<string, number>();
  const problems: JsonProblem[] = [];
  for (const [index, entry] of entries.entries()) {
    const key = keyOf(entry);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else if (problems.length < JsonProblems.limit) {
      problems.push({
        kind: "duplicate",
        path: [...path, index],
        found: `${key}, which is also entry ${first}`,
        allowed: "names that differ",
      });
    }
  }
  return problems;
}
