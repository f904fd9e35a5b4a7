/**
 * Flags that a spec may not set, without their dashes, and for each why: what sets it instead, as a sentence about the
 * flag without its subject, such as "follows from maxBatchSize".
 */
export type ReservedArguments = Readonly<Record<string, string>>;

/** An extra argument that would break what plan, probes or routes rely on, or that an engine could read in two ways. */
export interface RefusedArgument {
  /** Place in the list. */
  readonly index: number;
  readonly argument: string;
  /** Continues the sentence "the argument …". */
  readonly reason: string;
}

/**
 * Letters of a flag's name. Dots and a final plus reach into a flag whose value is JSON, such as
 * `--compilation-config.mode=3`.
 */
const flag = /^--(?<name>[A-Za-z0-9][A-Za-z0-9_.-]*\+?)(?:=[\s\S]*)?$/;

/**
 * The extra arguments of a spec that are refused. What is left is one flag each, in full and with its value, if it has
 * one, in the same argument. That is stricter than any engine's own parser, because every parser is lenient in another
 * way: Python's takes `_` for `-`, `--no-` before a switch, the beginning of a name for the whole of it, and reads a
 * separate value as the model's name where the flag before it takes none.
 */
export function refusedArguments(
  args: readonly string[],
  reserved: ReservedArguments,
): readonly RefusedArgument[] {
  const byName = new Map(Object.entries(reserved).map(([name, why]) => [normalised(name), why]));
  return args.flatMap((argument, index): RefusedArgument[] => {
    const reason = refusal(argument, byName);
    return reason === undefined ? [] : [{ index, argument, reason }];
  });
}

function refusal(argument: string, reserved: ReadonlyMap<string, string>): string | undefined {
  const name = flag.exec(argument)?.groups?.name;
  if (name === undefined) return malformed(argument);
  const asked = normalised(name);
  const set = reserved.get(asked);
  if (set !== undefined) return `sets what ${set}`;
  for (const [other, why] of reserved) {
    if (other.startsWith(asked)) return `can be read as --${other}, which ${why}`;
  }
  return undefined;
}

function malformed(argument: string): string {
  if (argument.startsWith("--")) return "is no flag: expected --name or --name=value";
  if (argument.startsWith("-") && argument.length > 1) {
    return "is a short option: expected its long form, --name or --name=value";
  }
  return "is no flag: expected a value in the same argument as its flag, --name=value";
}

/** What all ways to write one flag have in common: `--no_x.y=1` and `--x` are both about `x`. */
function normalised(name: string): string {
  return name
    .replace(/[.].*$/, "")
    .replace(/\+$/, "")
    .replaceAll("_", "-")
    .replace(/^no-/, "");
}
