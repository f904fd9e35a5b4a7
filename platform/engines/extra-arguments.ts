/**
 * Flags that a spec may not set, without their dashes, and for each why: what sets it instead, as a sentence about the
 * flag without its subject, such as "follows from maxBatchSize". A name that ends in `*` stands for all that begin so.
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
  return args.flatMap((argument, index): RefusedArgument[] => {
    const reason = refusal(argument, reserved);
    return reason === undefined ? [] : [{ index, argument, reason }];
  });
}

function refusal(argument: string, reserved: ReservedArguments): string | undefined {
  const name = flag.exec(argument)?.groups?.name;
  if (name === undefined) return malformed(argument);
  const asked = normalised(name);
  const rules = Object.entries(reserved);
  const set = rules.find(([pattern]) => matches(asked, pattern));
  if (set) return `sets what ${set[1]}`;
  const meant = rules.find(([pattern]) => pattern.startsWith(asked));
  return meant && `can be read as --${meant[0]}, which ${meant[1]}`;
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
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
