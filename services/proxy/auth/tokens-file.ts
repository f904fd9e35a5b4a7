import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { z } from "zod";
import { PlatformError, type Problem } from "../../../platform/errors/platform-error.ts";
import { fingerprint } from "./credential.ts";
import { isName, principalOf, type Principal } from "./principal.ts";

/** Services by the fingerprint of their token. */
export type ServiceTokens = ReadonlyMap<string, Principal>;

/** Largest file in bytes: the size limit of a Secret. */
const maxFileBytes = 1024 * 1024;

/** 32 characters of base64 are 192 random bits; shorter ones tend to be words. */
const leastTokenLength = 32;

const name = z.string().refine(isName, { error: "expected a name of 1 to 256 characters" });

const entry = z
  .strictObject(
    {
      name,
      roles: z.array(name).max(1_000).exactOptional(),
      sha256: z
        .string()
        .regex(/^[0-9a-fA-F]{64}$/, { error: "expected 64 hexadecimal digits" })
        .exactOptional(),
      token: z
        .string()
        .regex(/^[\x21-\x7e]+$/, { error: "expected printable characters without spaces" })
        .min(leastTokenLength, { error: `expected at least ${leastTokenLength} characters` })
        .max(4_096)
        .exactOptional(),
    },
    // The default message lists the keys that were found, which a token that was put in the wrong place would be in.
    { error: "expected name, roles (optional) and either sha256 or token, and nothing else" },
  )
  .refine((given) => (given.sha256 === undefined) !== (given.token === undefined), {
    error: "expected either sha256 or token",
  });

const file = z.array(entry, { error: "expected a list of {name, roles, sha256}" });

/** Reads and validates a tokens file. Throws one `PlatformError` that holds every problem and no token. */
export async function loadTokens(path: string): Promise<ServiceTokens> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
    throw new PlatformError([problem(`cannot read ${path} (${reason})`)], { cause: error });
  }
  return parseTokens(text, path);
}

/** Validates the text of a tokens file, JSON or YAML. */
export function parseTokens(text: string, path: string): ServiceTokens {
  const result = file.safeParse(valueOf(text, path));
  if (!result.success) {
    throw new PlatformError(
      result.error.issues.map((issue) => problem(`${path}: ${place(issue.path)}${issue.message}`)),
    );
  }
  const tokens = new Map<string, Principal>();
  const twice: Problem[] = [];
  result.data.forEach(({ name: id, roles = [], sha256 = "", token }, index) => {
    const key = token === undefined ? sha256.toLowerCase() : fingerprint(token);
    if (tokens.has(key)) twice.push(problem(`${path}: ${place([index])}the token is listed twice`));
    tokens.set(key, principalOf("token", id, roles, key));
  });
  if (twice.length > 0) throw new PlatformError(twice);
  return tokens;
}

/** Messages of the YAML parser quote the file, so only the place is taken from them. */
function valueOf(text: string, path: string): unknown {
  if (Buffer.byteLength(text) > maxFileBytes)
    throw new PlatformError([problem(`${path}: is larger than 1 MiB`)]);
  const document = parseDocument(text, { merge: false });
  if (document.errors.length > 0) {
    throw new PlatformError(
      document.errors.map(({ linePos }) =>
        problem(`${path}: line ${linePos?.[0].line ?? 1} is neither YAML nor JSON`),
      ),
    );
  }
  try {
    // An alias can make a small file expand to gigabytes.
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw new PlatformError([problem(`${path}: must not use YAML aliases`)]);
  }
}

function place(path: readonly PropertyKey[]): string {
  // Of the path only positions and the keys of this file's own form: an unknown key may be a token.
  const [index, key] = path;
  if (typeof index !== "number") return "";
  return `entry ${index + 1}: ${typeof key === "string" && key in entry.shape ? `${key}: ` : ""}`;
}

function problem(message: string): Problem {
  return { code: "PROXY_CONFIG_INVALID", path: "--tokens-file", message };
}
