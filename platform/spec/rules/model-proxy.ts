import type { EngineProfile } from "../../engines/engine-profile.ts";
import { list, number, record, records, text, textOrNumber, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";
import { knowsCallers, unknownCallers } from "./proxy.ts";

/** What `unloading` of an engine and `proxy` of its models say that would have no effect, or the wrong one. */
export function modelProxyProblems(
  spec: Raw,
  engine: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile,
): RuleProblem[] {
  return [
    ...unloadingProblems(engine, path),
    ...records(engine.models).flatMap(({ entry: model, index }) => {
      const here = [...path, "models", index, "proxy"];
      const policies = record(model.proxy);
      return [
        ...aliasProblems(model, policies, here),
        ...stickyProblems(spec, model, policies, here),
        ...affinityProblems(policies, here, profile),
        ...limitProblems(policies, here, profile),
        ...pinProblems(engine, policies, here),
        ...(policies.allow !== undefined && !knowsCallers(spec)
          ? [unknownCallers(spec, [...here, "allow"], "a list of those who may ask")]
          : []),
      ];
    }),
  ];
}

function conflict(
  path: readonly PropertyKey[],
  message: string,
  allowed: string,
  atKey: boolean = true,
): RuleProblem {
  return { code: "SPEC_VALUE_CONFLICT", path, ...(atKey ? { atKey } : {}), message, allowed };
}

function unloadingProblems(engine: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  if (engine.unloading === undefined) return [];
  const here = [...path, "unloading"];
  if (engine.loading !== "on-demand") {
    return [
      conflict(
        here,
        "models that are loaded at start are not unloaded again",
        "unloading with loading: on-demand",
      ),
    ];
  }
  const most = number(record(engine.unloading).maxLoaded);
  if (most === undefined) return [];
  const models = records(engine.models);
  const pinned = models.filter(({ entry }) => record(entry.proxy).pinned === true).length;
  // The others take turns in what the pinned ones leave.
  const needed = pinned + (pinned < models.length ? 1 : 0);
  if (most >= needed) return [];
  return [
    conflict(
      [...here, "maxLoaded"],
      `${pinned} of ${models.length} models are pinned, so ${most} at a time leave no room for the others`,
      `at least ${needed}`,
      false,
    ),
  ];
}

function aliasProblems(model: Raw, { aliases }: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const versions =
    model.versions === undefined
      ? [textOrNumber(model.version) ?? "1"]
      : records(model.versions).flatMap(({ entry }) => textOrNumber(entry.version) ?? []);
  return Object.entries(record(aliases)).flatMap(([alias, meant]): RuleProblem[] => {
    const here = [...path, "aliases", alias];
    if (alias === "latest") {
      return [conflict(here, "latest always is the highest version", "another name, such as stable")];
    }
    if (versions.includes(alias)) {
      return [conflict(here, `"${alias}" already is a version of the model`, "another name, such as stable")];
    }
    const version = textOrNumber(meant);
    if (version === undefined || versions.includes(version)) return [];
    return [
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: here,
        message: `the model has no version "${version}"`,
        allowed: versions.join(", "),
      },
    ];
  });
}

function stickyProblems(spec: Raw, model: Raw, { sticky }: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  if (sticky === undefined) return [];
  const here = [...path, "sticky"];
  if (list(model.versions).length < 2) {
    return [conflict(here, "the model has one version, at which every caller stays", "sticky with versions")];
  }
  return sticky === "caller" && !knowsCallers(spec) ? [unknownCallers(spec, here, "sticky: caller")] : [];
}

function affinityProblems(
  { affinity }: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile,
): RuleProblem[] {
  if (affinity === undefined) return [];
  const here = [...path, "affinity"];
  if (profile.frontend) {
    return [
      conflict(here, `the frontends of ${profile.title} choose the replica, not the proxy`, "no such key"),
    ];
  }
  if (affinity === "prefix" && profile.task !== "generation") {
    return [
      conflict(here, `${profile.title} keeps no cache of prompts`, "{header: …}, or no such key", false),
    ];
  }
  return [];
}

function limitProblems({ rate }: Raw, path: readonly PropertyKey[], profile: EngineProfile): RuleProblem[] {
  if (record(rate).tokens === undefined || profile.task === "generation") return [];
  return [conflict([...path, "rate", "tokens"], `${profile.title} answers without tokens`, "requests")];
}

function pinProblems(engine: Raw, { pinned }: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  if (pinned !== true || (text(engine.loading) === "on-demand" && engine.unloading !== undefined)) return [];
  return [
    conflict(
      [...path, "pinned"],
      "nothing unloads the models of this engine",
      "pinned with loading: on-demand and unloading",
    ),
  ];
}
