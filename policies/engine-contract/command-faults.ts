import type { EngineProfile } from "../../platform/engines/engine-profile.ts";
import { isUnknown, listAt, textAt, type Properties } from "../known-values.ts";
import type { EnginePod } from "./engine-pods.ts";

/**
 * What an engine is told twice it takes from one of the places, and plan, routes and probes were made from the other.
 * What only one place says is not judged, but for ports: the value follows from the plan, which a resource does not have.
 */
export function commandFaults({ profile, container: { place, container } }: EnginePod): string[] {
  return [...argumentFaults(container, profile), ...variableFaults(container, profile)].map(
    (fault) => `${place}: ${fault}`,
  );
}

function argumentFaults(container: Properties, profile: EngineProfile): string[] {
  const flags = reservedFlags(container, profile);
  const twice = [...Map.groupBy(flags, ({ name }) => name).values()].filter(isSaidTwice);
  return [
    ...twice.flatMap(([flag]) =>
      flag ? [`the argument --${flag.name} is there more than once, and sets what ${flag.reason}`] : [],
    ),
    ...flags.flatMap(({ name, value }) => {
      const port = portOf(name, profile);
      return port === undefined || value === undefined || !/^\d+$/.test(value) || Number(value) === port
        ? []
        : [`the argument --${name} is ${value}; ${profile.title} is asked at port ${port}`];
    }),
  ];
}

interface ReservedFlag {
  /** Without dashes before it, and without the `no-` of a switch. */
  readonly name: string;
  /** Absent of a switch, empty where it is not known. */
  readonly value?: string;
  readonly reason: string;
}

const flagForm = /^--(?<name>[A-Za-z][A-Za-z0-9_-]*)(?:=(?<value>[\s\S]*))?$/;

function reservedFlags(container: Properties, { reserved }: EngineProfile): ReservedFlag[] {
  const words = [...listAt(container, "command"), ...listAt(container, "args")];
  return words.flatMap((word, index): ReservedFlag[] => {
    const { name, value } = (typeof word === "string" && flagForm.exec(word)?.groups) || {};
    if (name === undefined) return [];
    const asked = name.replaceAll("_", "-").replace(/^no-/, "");
    const reason = reasonOf(asked, reserved.arguments);
    if (reason === undefined) return [];
    const given = value ?? separateValue(words[index + 1]);
    return [{ name: asked, reason, ...(given === undefined ? {} : { value: given }) }];
  });
}

/** A name that ends in `*` stands for all that begin so. */
function reasonOf(name: string, reserved: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(reserved).find(([pattern]) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  )?.[1];
}

function separateValue(next: unknown): string | undefined {
  if (isUnknown(next)) return "";
  return typeof next === "string" && !next.startsWith("--") ? next : undefined;
}

/** Of the flags that are repeated for a list, the one whose values may look like numbers: names of models. */
const repeatedNames = new Set(["load-model"]);

/** Only numbers and switches: a text may be one of a list, and profiles do not say which flags are repeated for one. */
function isSaidTwice(flags: readonly ReservedFlag[]): boolean {
  return (
    flags.length > 1 &&
    flags.every(
      ({ name, value }) =>
        !repeatedNames.has(name) && (value === undefined || /^(?:true|false|-?\d+(?:\.\d+)?)$/i.test(value)),
    )
  );
}

/** The port that an argument of this name sets. */
function portOf(name: string, { ports }: EngineProfile): number | undefined {
  const found = /^(?:(?<role>http|grpc|metrics)-)?port$/.exec(name);
  return found ? ports[(found.groups?.["role"] ?? "http") as keyof EngineProfile["ports"]] : undefined;
}

function variableFaults(container: Properties, { reserved }: EngineProfile): string[] {
  const names = listAt(container, "env").flatMap((variable) => textAt(variable, "name") ?? []);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [...twice].flatMap((name) => {
    const reason = reasonOf(name, reserved.environment);
    return reason === undefined ? [] : [`the variable ${name} is there more than once; it ${reason}`];
  });
}
