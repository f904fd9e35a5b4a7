import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { z } from "zod";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";
import type { LoadedRoutingTable } from "./routing/routing-index.ts";

/** Largest routing table in bytes: the size limit of a ConfigMap. */
const maxRoutesBytes = 1024 * 1024;

const name = z
  .string()
  .min(1)
  .max(256)
  // Control characters would break headers, logs and labels.
  .regex(/^[^\x00-\x20\x7f]+$/, { error: "expected a name without white space or control characters" });

const endpoint = z.string().refine(
  (text) => {
    const url = URL.parse(text);
    if (!url || !["http:", "https:"].includes(url.protocol) || text.endsWith("/")) return false;
    return !url.username && !url.password && !url.search && !url.hash;
  },
  { error: "expected an http or https base URL without credentials, query, fragment or trailing slash" },
);

const target = z
  .strictObject({
    group: name,
    serviceClasses: z.array(name).min(1),
    endpoints: z.array(endpoint),
    discovery: z.enum(["dns", "endpoint-slices"]).exactOptional(),
    grpcPort: z.int().min(1).max(65_535).exactOptional(),
    healthPath: z
      .string()
      .max(256)
      .regex(/^\/[A-Za-z0-9._~/-]*$/, { error: "expected a path without query" })
      .exactOptional(),
    weight: z.number().min(0).exactOptional(),
    // setTimeout takes at most 2^31 - 1 ms and fires at once beyond.
    timeoutMs: z.int().min(1).max(2_147_483_647),
  })
  .refine(({ discovery, endpoints }) => !discovery || endpoints.every((url) => url.startsWith("http:")), {
    error: "only plain http endpoints can be discovered: a certificate names the Service, not its pods",
    path: ["discovery"],
  });

const headerName = z
  .string()
  .max(64)
  .regex(/^[a-z0-9-]+$/, { error: "expected the name of a header in lower case" });

const rateLimit = z.strictObject({
  requestsPerMinute: z.number().positive().max(1e9).exactOptional(),
  tokensPerMinute: z.number().positive().max(1e12).exactOptional(),
});

const modelPolicies = {
  aliases: z.record(name, name).exactOptional(),
  sticky: z
    .discriminatedUnion("by", [
      z.strictObject({ by: z.literal("caller") }),
      z.strictObject({ by: z.literal("header"), header: headerName }),
    ])
    .exactOptional(),
  affinity: z
    .discriminatedUnion("by", [
      z.strictObject({ by: z.literal("prefix") }),
      z.strictObject({ by: z.literal("session"), header: headerName }),
    ])
    .exactOptional(),
  concurrency: z
    .strictObject({ running: z.int().min(1).max(1e6), queued: z.int().min(0).max(1e6) })
    .exactOptional(),
  rate: rateLimit.exactOptional(),
  allow: z
    .strictObject({ users: z.array(name).exactOptional(), roles: z.array(name).exactOptional() })
    .exactOptional(),
  stateful: z.boolean().exactOptional(),
  pinned: z.boolean().exactOptional(),
};

const version = z.strictObject({
  version: name,
  weight: z.number().min(0).max(100),
  targets: z.array(target),
});

const model = z
  .strictObject({ name, versions: z.array(version).min(1), ...modelPolicies })
  .superRefine(({ versions, aliases = {} }, context) => {
    for (const [alias, meant] of Object.entries(aliases)) {
      const path = ["aliases", alias];
      if (alias === "latest" || versions.some((entry) => entry.version === alias)) {
        context.addIssue({ code: "custom", message: `"${alias}" already is a version`, path });
      } else if (!versions.some((entry) => entry.version === meant)) {
        context.addIssue({ code: "custom", message: `the model has no version "${meant}"`, path });
      }
    }
  })
  .superRefine(({ versions }, context) =>
    reportDuplicates(
      context,
      "versions",
      versions.map((entry) => entry.version),
    ),
  )
  .refine(({ versions }) => Math.abs(versions.reduce((sum, entry) => sum + entry.weight, 0) - 100) < 1e-6, {
    error: "the weights of a model's versions must add up to 100",
    path: ["versions"],
  });

const server = z
  .strictObject({
    name,
    type: name,
    protocol: z.enum(["open-inference-v2", "kserve-v1", "openai"]),
    loading: z.enum(["preload", "on-demand"]),
    unloading: z
      .strictObject({
        idleSeconds: z.number().positive().max(1e7).exactOptional(),
        maxLoaded: z.int().min(1).exactOptional(),
      })
      .exactOptional(),
    dataPlane: name.exactOptional(),
    models: z.array(model),
    anyModel: target.exactOptional(),
  })
  .superRefine(({ models }, context) =>
    reportDuplicates(
      context,
      "models",
      models.map((entry) => entry.name),
    ),
  )
  .refine((entry) => entry.loading === "preload" || entry.protocol === "open-inference-v2", {
    error: "only open-inference-v2 engines can load models on demand",
    path: ["loading"],
  });

const routingTable = z
  .strictObject({
    apiVersion: z.literal("domino-inference/v1"),
    kind: z.literal("RoutingTable"),
    serviceClasses: z.array(name).exactOptional(),
    servers: z.array(server),
    callerRate: rateLimit.exactOptional(),
  })
  .superRefine(({ servers }, context) =>
    reportDuplicates(
      context,
      "servers",
      servers.map((entry) => entry.name),
    ),
  );

/** Reads and validates a routing table. Throws one `PlatformError` that holds every problem of the file. */
export async function loadRoutes(file: string): Promise<LoadedRoutingTable> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
    throw new PlatformError([{ code: "ROUTES_INVALID", message: `cannot read ${file} (${reason})` }], {
      cause: error,
    });
  }
  return parseRoutes(text, file);
}

/** Validates the text of a routing table, JSON or YAML. */
export function parseRoutes(text: string, file: string): LoadedRoutingTable {
  const problem = (message: string, path?: string): Problem => ({
    code: "ROUTES_INVALID",
    message: `${file}: ${message}`,
    ...(path ? { path } : {}),
  });
  if (Buffer.byteLength(text) > maxRoutesBytes) throw new PlatformError([problem("is larger than 1 MiB")]);
  const document = parseDocument(text, { prettyErrors: true, merge: false });
  if (document.errors.length > 0) {
    throw new PlatformError(
      document.errors.map((error) => problem(error.message.split("\n")[0] ?? "is not YAML")),
    );
  }
  let value: unknown;
  try {
    // An alias can make a small file expand to gigabytes.
    value = document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw new PlatformError([problem("must not use YAML aliases")], { cause: error });
  }
  const result = routingTable.safeParse(value);
  if (result.success) return result.data;
  throw new PlatformError(
    result.error.issues.map((issue) => problem(issue.message, z.core.toDotPath(issue.path))),
  );
}

function reportDuplicates(context: z.core.$RefinementCtx, key: string, names: readonly string[]): void {
  names.forEach((found, index) => {
    if (names.indexOf(found) === index) return;
    context.addIssue({ code: "custom", message: `"${found}" is listed twice`, path: [key, index] });
  });
}
