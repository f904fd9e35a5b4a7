import { execFileSync } from "node:child_process";

/** A Python that environments can be made with. */
export interface PythonInterpreter {
  /** Name or path of the program. */
  readonly command: string;
  /** Such as `3.11`. */
  readonly version: string;
}

export type InterpreterSearch =
  ({ readonly kind: "found" } & PythonInterpreter) | { readonly kind: "missing"; readonly reason: string };

/** The pinned packages need the oldest; the servers have binaries up to the newest. */
const oldestMinor = 11;
const newestMinor = 13;

let searched: InterpreterSearch | undefined;

/** Looks for a Python once; later calls give the same answer. */
export function pythonInterpreter(): InterpreterSearch {
  return (searched ??= search());
}

function search(): InterpreterSearch {
  const found: string[] = [];
  for (const command of ["python3", "python3.13", "python3.12", "python3.11"]) {
    const version = versionOf(command);
    if (version === undefined) continue;
    const minor = Number(version.split(".")[1]);
    if (!version.startsWith("3.") || minor < oldestMinor || minor > newestMinor) {
      found.push(`${command} is ${version}`);
    } else if (!canMakeEnvironments(command)) {
      found.push(`${command} lacks the module venv (Debian: python3-venv)`);
    } else {
      return { kind: "found", command, version };
    }
  }
  const needed = `Python 3.${oldestMinor} to 3.${newestMinor} with the module venv`;
  const instead = found.length === 0 ? "none is installed" : found.join(", ");
  return { kind: "missing", reason: `needs ${needed} (Debian: python3 and python3-venv); ${instead}` };
}

function versionOf(command: string): string | undefined {
  return output(command, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
}

function canMakeEnvironments(command: string): boolean {
  return output(command, ["-c", "import venv, ensurepip; print('yes')"]) === "yes";
}

function output(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}
