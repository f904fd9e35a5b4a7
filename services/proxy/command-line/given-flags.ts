import type { Problem } from "../../../platform/errors/platform-error.ts";
import type { ListenAddress } from "../proxy-options.ts";
import { attributeOf, flags, type Flag, type FlagName, type ParsedFlags } from "./flags.ts";

/** Reads the options of a command line one by one, and collects what is wrong with them. */
export class GivenFlags {
  readonly problems: Problem[] = [];
  readonly #parsed: ParsedFlags;

  constructor(parsed: ParsedFlags) {
    this.#parsed = parsed;
  }

  has(name: FlagName): boolean {
    return this.#parsed[attributeOf(name)] !== undefined;
  }

  /** Undefined where it is not given, or not as it should be. */
  text(name: FlagName): string | undefined {
    const [value, ...more] = this.#parsed[attributeOf(name)] ?? [];
    if (value === undefined) return undefined;
    if (more.length > 0) return this.refuse(name, "is given more than once");
    if (value === "" || value.length > 4_096) return this.refuse(name, "must have 1 to 4,096 characters");
    return value;
  }

  required(name: FlagName, reason: string, allowed?: string): string {
    if (!this.has(name)) this.refuse(name, reason, allowed);
    return this.text(name) ?? "";
  }

  choice<const T extends string>(name: FlagName, among: readonly T[]): T | undefined {
    const value = this.text(name);
    const chosen = among.find((one) => one === value);
    if (value === undefined || chosen !== undefined) return chosen;
    return this.refuse(name, `"${value}" is not one of them`, among.join(", "));
  }

  wholeNumber(name: FlagName, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    return this.refuse(name, `"${text}" is out of range`, `a whole number from ${least} to ${most}`);
  }

  /** An http or https URL without a user, password or fragment: secrets do not belong on a command line. */
  url(name: FlagName, reason: string, example: string): string {
    const text = this.required(name, reason, `such as ${example}`);
    if (text === "") return "";
    const url = URL.parse(text);
    if (!url || !["http:", "https:"].includes(url.protocol) || url.username || url.password || url.hash) {
      // Not repeated: it may hold a password.
      this.refuse(
        name,
        "is not an http or https URL without user, password and fragment",
        `such as ${example}`,
      );
      return "";
    }
    return url.href;
  }

  address(name: FlagName): ListenAddress | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
    const host = bracketed ?? plain;
    if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
    return this.refuse(
      name,
      `"${text}" is no host and port`,
      "such as 127.0.0.1:8443, 0.0.0.0:8443 or [::]:8443",
    );
  }

  /** Refuses options that nothing would read. */
  unread(names: readonly FlagName[], reason: string): void {
    for (const name of names) if (this.has(name)) this.refuse(name, reason);
  }

  refuse(name: FlagName, message: string, allowed?: string): undefined {
    this.problems.push({
      code: "PROXY_CONFIG_INVALID",
      path: `--${name}`,
      message,
      ...(allowed !== undefined && { allowed }),
    });
  }
}

/** What the help offers for an option. */
export function choicesOf(name: FlagName): readonly string[] {
  const flag: Flag | undefined = flags.find((one) => one.name === name);
  return flag?.choices ?? [];
}
