import { catalogOf } from "../../optimizer/catalog/registry.ts";
import { canRun, type EngineProfile } from "../engines/engine-profile.ts";
import { list, number, record, records, text, type Raw } from "../spec/raw.ts";
import type { RuleProblem } from "../spec/rules.ts";

type Path = readonly PropertyKey[];

/** An `autoscaling` as written, and the entry whose replicas it changes. */
interface Written {
  readonly autoscaling: Raw;
  readonly path: Path;
  readonly signal: string;
  readonly scaler: string;
}

/** What cannot work of the `autoscaling` of an engine's entry and of its models. */
export function autoscalingProblems(
  spec: Raw,
  engine: Raw,
  path: Path,
  profile: EngineProfile,
): RuleProblem[] {
  const problems = [
    ...ownProblems(spec, engine, path, profile),
    ...ownerProblems(engine, engine.autoscaling !== undefined, path, ["replicas"]),
  ];
  if (profile.replicasPer === "engine") return problems;
  return [
    ...problems,
    ...records(engine.models).flatMap(({ entry, index }) => {
      const here = [...path, "models", index];
      const isScaled = entry.autoscaling !== undefined || engine.autoscaling !== undefined;
      return [
        ...ownProblems(spec, entry, here, profile),
        ...ownerProblems(entry, isScaled, here, ["replicas", "splitAccelerators"]),
      ];
    }),
  ];
}

function ownProblems(spec: Raw, entry: Raw, path: Path, profile: EngineProfile): RuleProblem[] {
  if (entry.autoscaling === undefined) return [];
  const autoscaling = record(entry.autoscaling);
  const written: Written = {
    autoscaling,
    path: [...path, "autoscaling"],
    signal: text(autoscaling.signal) ?? "queue",
    scaler: text(autoscaling.scaler) ?? "keda",
  };
  return [
    ...boundProblems(written),
    ...zeroProblems(written),
    ...targetProblems(written),
    ...loadingProblems(written, entry),
    ...deviceProblems(spec, written, profile),
  ];
}

/** Two numbers that say how many replicas there are. */
function ownerProblems(entry: Raw, isScaled: boolean, path: Path, others: readonly string[]): RuleProblem[] {
  if (!isScaled) return [];
  return others
    .filter((other) => entry[other] !== undefined && entry[other] !== false)
    .map((other): RuleProblem => ({
      code: other === "replicas" ? "SPEC_VALUE_CONFLICT" : "SPEC_COMBINATION_UNSUPPORTED",
      path: [...path, other],
      atKey: true,
      message:
        other === "replicas"
          ? "replicas and autoscaling both say how many replicas there are"
          : `the shares of ${other} are fixed, and autoscaling changes what each kind of replica carries`,
      allowed: "one of them",
    }));
}

function boundProblems({ autoscaling, path }: Written): RuleProblem[] {
  const least = number(autoscaling.minReplicas) ?? 1;
  const most = number(autoscaling.maxReplicas);
  if (most === undefined || most >= least) return [];
  return [
    {
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "maxReplicas"],
      message: `maxReplicas=${most} is below minReplicas=${least}`,
      allowed: `at least ${least}`,
    },
  ];
}

/** Without replicas there is nobody who could say that requests wait or that GPUs are busy. */
function zeroProblems({ autoscaling, path, scaler, signal }: Written): RuleProblem[] {
  if (number(autoscaling.minReplicas) !== 0 || (scaler === "keda" && signal === "request-rate")) return [];
  return [
    {
      code: "SPEC_COMBINATION_UNSUPPORTED",
      path: [...path, "minReplicas"],
      message:
        scaler === "hpa"
          ? "scaler hpa cannot bring a replica back once there is none"
          : `signal ${signal} comes from the replicas themselves, so without one nothing would bring it back`,
      allowed: "minReplicas: 1, or scaler: keda with signal: request-rate",
    },
  ];
}

function targetProblems({ autoscaling, path, signal }: Written): RuleProblem[] {
  const target = number(autoscaling.target);
  if (signal !== "gpu-utilisation" || target === undefined || target <= 100) return [];
  return [
    {
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "target"],
      message: `a GPU is busy at most 100 per cent of the time, so ${target} is never reached`,
      allowed: "a number above 0, at most 100",
    },
  ];
}

function loadingProblems({ path }: Written, entry: Raw): RuleProblem[] {
  if (entry.loading !== "on-demand") return [];
  return [
    {
      code: "SPEC_COMBINATION_UNSUPPORTED",
      path,
      atKey: true,
      message:
        "an on-demand engine cannot be scaled: a model is loaded on one replica, and the Service would send its requests to all",
      allowed: "loading: preload",
    },
  ];
}

/** DCGM knows the utilisation of whole cards only. */
function deviceProblems(spec: Raw, { path, signal }: Written, profile: EngineProfile): RuleProblem[] {
  if (signal !== "gpu-utilisation") return [];
  const used = list(record(spec.accelerators).use);
  const partial = catalogOf(text(spec.catalog) ?? "")?.partial.accelerators.find(
    (accelerator) => used.includes(accelerator.name) && canRun(profile, accelerator),
  );
  if (!partial) return [];
  return [
    {
      code: "SPEC_COMBINATION_UNSUPPORTED",
      path: [...path, "signal"],
      message: `the utilisation of ${partial.name} is not measured, only that of whole cards`,
      allowed: "signal: queue or request-rate, or accelerators that are whole cards",
    },
  ];
}
