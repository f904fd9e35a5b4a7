import { PlatformError } from "../errors/platform-error.ts";
import { defaultServiceClass } from "../spec/rules/service-classes.ts";
import type { PlatformSpec } from "../spec/schema.ts";
import { nearestName } from "../spec/nearest.ts";
import type { TrafficSpec } from "./scale-spec.ts";

/** Whose traffic a what-if varies; without a choice, everyone's. */
export interface ServerChoice {
  /** A server's id, `<engine>/<model>/<version>/<class>`; `*` stands for any text. */
  readonly server?: string;
  /** A model's name: all its servers, in whichever engine. */
  readonly model?: string;
}

export interface ChosenTraffic {
  readonly traffic: ReadonlySet<TrafficSpec>;
  /** Servers that the traffic belongs to, sorted. */
  readonly servers: readonly string[];
  /** Those of them with a latency target. */
  readonly serversWithTargets: readonly string[];
}

/**
 * Finds the traffic that the choice names. Versions of a model share their traffic by weight, so choosing one of them
 * chooses all.
 *
 * @throws PlatformError PLAN_SERVER_UNKNOWN where it names none.
 */
export function chosenTraffic(spec: PlatformSpec, choice: ServerChoice): ChosenTraffic {
  const all = trafficOf(spec);
  const matches = choice.server === undefined ? () => true : globMatcher(choice.server);
  const chosen = all.filter(
    ({ model, ids }) => (choice.model === undefined || choice.model === model) && ids.some(matches),
  );
  if (chosen.length === 0) throw unknownServer(all, choice);
  const idsOf = (entries: readonly TrafficOwner[]) => entries.flatMap(({ ids }) => ids).toSorted();
  return {
    traffic: new Set(chosen.map(({ traffic }) => traffic)),
    servers: idsOf(chosen),
    serversWithTargets: idsOf(
      chosen.filter(({ traffic }) => Object.values(traffic.slo ?? {}).some((target) => target !== undefined)),
    ),
  };
}

interface TrafficOwner {
  readonly model: string;
  readonly traffic: TrafficSpec;
  /** One for each version. */
  readonly ids: readonly string[];
}

function trafficOf(spec: PlatformSpec): TrafficOwner[] {
  return spec.engines.flatMap((engine) =>
    engine.models.flatMap((model) => {
      const versions = model.versions?.map(({ version }) => version) ?? [model.version ?? "1"];
      return model.traffic.map((traffic): TrafficOwner => ({
        model: model.name,
        traffic,
        ids: versions.map(
          (version) =>
            `${engine.name}/${model.name}/${version}/${traffic.serviceClass ?? defaultServiceClass.name}`,
        ),
      }));
    }),
  );
}

/** `*` is any text, `/` included: `chat/*` names every server of an engine, `*\/Premium` those of a class. */
function globMatcher(glob: string): (id: string) => boolean {
  const [first = "", ...rest] = glob.split("*");
  return (id) => {
    if (rest.length === 0) return id === first;
    if (!id.startsWith(first)) return false;
    // Leftmost fits suffice, and unlike a regular expression they never backtrack.
    let from = first.length;
    const last = rest.at(-1) ?? "";
    for (const piece of rest.slice(0, -1)) {
      const at = id.indexOf(piece, from);
      if (at < 0) return false;
      from = at + piece.length;
    }
    return id.length - last.length >= from && id.endsWith(last);
  };
}

function unknownServer(all: readonly TrafficOwner[], choice: ServerChoice): PlatformError {
  const models = [...new Set(all.map(({ model }) => model))].toSorted();
  const servers = all.flatMap(({ ids }) => ids).toSorted();
  const [what, found, known] =
    choice.model === undefined
      ? (["server", choice.server ?? "", servers] as const)
      : (["model", choice.model, models] as const);
  const nearest = nearestName(found, known);
  return new PlatformError([
    {
      code: "PLAN_SERVER_UNKNOWN",
      message: `no ${what} of the spec is "${found}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}`,
      allowed: known.join(", "),
    },
  ]);
}
