import { isEngineType, engineProfiles } from "../../engines/registry.ts";
import { serviceNamespace } from "../../routes/cluster-address.ts";
import { list, number, record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";

/** What the platform's `proxy` says that one value alone cannot show to be wrong. */
export function proxyProblems(spec: Raw): RuleProblem[] {
  if (spec.proxy === undefined) return [];
  const proxy = record(spec.proxy);
  return [
    ...replicaProblems(proxy),
    ...authProblems(proxy),
    ...callerProblems(spec, proxy),
    ...grpcProblems(spec, proxy),
  ];
}

/** Whether the proxy knows who sends a request. On this machine it is started for whoever sits at it. */
export function knowsCallers(spec: Raw): boolean {
  return record(spec.metadata).stage !== "local" && record(spec.proxy).auth !== "none";
}

function replicaProblems(proxy: Raw): RuleProblem[] {
  if (proxy.autoscaling === undefined) return [];
  const problems: RuleProblem[] = [];
  if (proxy.replicas !== undefined) {
    problems.push({
      code: "SPEC_VALUE_CONFLICT",
      path: ["proxy", "replicas"],
      atKey: true,
      message: "replicas and autoscaling are both given",
      allowed: "one of them",
    });
  }
  const autoscaling = record(proxy.autoscaling);
  const least = number(autoscaling.minReplicas) ?? 2;
  const most = number(autoscaling.maxReplicas);
  if (most !== undefined && least > most) {
    problems.push({
      code: "SPEC_VALUE_CONFLICT",
      path: ["proxy", "autoscaling", "maxReplicas"],
      message: `at most ${most} replicas cannot be at least ${least}`,
      allowed: `at least ${least}, or a smaller minReplicas`,
    });
  }
  return problems;
}

/** A way in that is listed twice would have one of its two settings ignored. */
function authProblems(proxy: Raw): RuleProblem[] {
  const kinds = list(proxy.auth).map((entry) => text(entry) ?? text(record(entry).kind));
  const repeated = kinds.flatMap((kind, index): RuleProblem[] =>
    kind === undefined || kinds.indexOf(kind) === index
      ? []
      : [
          {
            code: "SPEC_NAME_DUPLICATE",
            path: ["proxy", "auth", index],
            message: `${kind} is already listed at index ${kinds.indexOf(kind)}`,
          },
        ],
  );
  const unsafe = records(proxy.auth).flatMap(({ entry, index }): RuleProblem[] => {
    const url = URL.parse(text(entry.jwksUrl) ?? "");
    if (url?.protocol !== "http:" || serviceNamespace(url) !== undefined) return [];
    return [
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["proxy", "auth", index, "jwksUrl"],
        message: `keys of ${url.host} over plain HTTP could be anybody's`,
        allowed: "https, or the Service of an issuer in the cluster: http://name.namespace.svc…",
      },
    ];
  });
  return [...repeated, ...unsafe];
}

function callerProblems(spec: Raw, proxy: Raw): RuleProblem[] {
  if (knowsCallers(spec)) return [];
  return [
    { key: "callerRate", what: "a rate for each caller" },
    { key: "keyRate", what: "a rate for each key of a caller" },
  ]
    .filter(({ key }) => proxy[key] !== undefined)
    .map(({ key, what }) => unknownCallers(spec, ["proxy", key], what));
}

/** Without authentication all callers are the same one. */
export function unknownCallers(spec: Raw, path: readonly PropertyKey[], what: string): RuleProblem {
  const local = record(spec.metadata).stage === "local";
  return {
    code: "SPEC_VALUE_CONFLICT",
    path,
    atKey: true,
    message: `${what} needs to know the caller, and ${local ? "at stage local the proxy asks nobody who he is" : "proxy.auth is none"}`,
    allowed: local
      ? "no such key, or another stage"
      : "no such key, or proxy.auth with a way to tell callers",
  };
}

function grpcProblems(spec: Raw, proxy: Raw): RuleProblem[] {
  if (proxy.grpc !== true) return [];
  const types = records(spec.engines).flatMap(({ entry }) => text(entry.type) ?? []);
  if (types.some((type) => !isEngineType(type) || engineProfiles[type].ports.grpc !== undefined)) return [];
  return [
    {
      code: "SPEC_VALUE_CONFLICT",
      path: ["proxy", "grpc"],
      message: "no engine of the platform speaks gRPC",
      allowed: `false, or an engine of type ${grpcTypes().join(" or ")}`,
    },
  ];
}

function grpcTypes(): string[] {
  return Object.values(engineProfiles)
    .filter(({ ports }) => ports.grpc !== undefined)
    .map(({ type }) => type);
}
