import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { z } from "zod";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";
import type { RouteServer, RouteTarget } from "../../platform/routes/routing-table.ts";
import { referenceRoutes } from "./reference-routes.ts";
import { reportDuplicates, routeEndpoint, routeName, uniqueNames } from "./route-fields.ts";
import type { LoadedRoutingTable } from "./routing/routing-index.ts";

/** Largest routing table in bytes: the size limit of a ConfigMap. */
const maxRoutesBytes = 1024 * 1024;

const target = z.strictObject({
  group: routeName,
  serviceClasses: uniqueNames.min(1),
  endpoints: z.array(routeEndpoint),
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
});

const headerName = z
  .string()
  .max(64)
  .regex(/^[a-z0-9-]+$/, { error: "expected the name of a header in lower case" });

const rateLimit = z
  .strictObject({
    requestsPerMinute: z.number().positive().max(1e9).exactOptional(),
    tokensPerMinute: z.number().positive().max(1e12).exactOptional(),
  })
  .refine(
    ({ requestsPerMinute, tokensPerMinute }) =>
      requestsPerMinute !== undefined || tokensPerMinute !== undefined,
    { error: "expected requestsPerMinute, tokensPerMinute or both" },
  );

const modelPolicies = {
  aliases: z.record(routeName, routeName).exactOptional(),
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
    .strictObject({ users: z.array(routeName).exactOptional(), roles: z.array(routeName).exactOptional() })
    .exactOptional(),
  stateful: z.boolean().exactOptional(),
  pinned: z.boolean().exactOptional(),
};

const version = z.strictObject({
  version: routeName,
  weight: z.number().min(0).max(100),
  targets: z.array(target),
});

const model = z
  .strictObject({ name: routeName, versions: z.array(version).min(1), ...modelPolicies })
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
      ["versions"],
      versions.map((entry) => entry.version),
    ),
  )
  .refine(({ versions }) => Math.abs(versions.reduce((sum, entry) => sum + entry.weight, 0) - 100) < 1e-6, {
    error: "the weights of a model's versions must add up to 100",
    path: ["versions"],
  });

const server = z
  .strictObject({
    name: routeName,
    type: routeName,
    protocol: z.enum(["open-inference-v2", "kserve-v1", "openai"]),
    loading: z.enum(["preload", "on-demand"]),
    unloading: z
      .strictObject({
        idleSeconds: z.number().positive().max(1e7).exactOptional(),
        maxLoaded: z.int().min(1).exactOptional(),
      })
      .exactOptional(),
    dataPlane: routeName.exactOptional(),
    models: z.array(model),
    anyModel: target.exactOptional(),
  })
  .superRefine(({ models }, context) =>
    reportDuplicates(
      context,
      ["models"],
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
    serviceClasses: uniqueNames.exactOptional(),
    servers: z.array(server),
    callerRate: rateLimit.exactOptional(),
    keyRate: rateLimit.exactOptional(),
  })
  .superRefine(({ servers }, context) =>
    reportDuplicates(
      context,
      ["servers"],
      servers.map((entry) => entry.name),
    ),
  )
  .superRefine(({ serviceClasses, servers }, context) => {
    // A class without a place in the order would come before all others.
    if (!serviceClasses) return;
    for (const { path, target } of targetsOf(servers)) {
      target.serviceClasses.forEach((name, index) => {
        if (serviceClasses.includes(name)) return;
        const message = `"${name}" is not in the table's serviceClasses [${serviceClasses.join(", ")}]`;
        context.addIssue({ code: "custom", message, path: [...path, "serviceClasses", index] });
      });
    }
  });

type Path = readonly (string | number)[];

/** Every target with its place in the table. */
function targetsOf(
  servers: readonly RouteServer[],
): readonly { readonly path: Path; readonly target: RouteTarget }[] {
  const placed = <Item>(path: Path, items: readonly Item[]) =>
    items.map((item, index) => ({ item, path: [...path, index] }));
  return placed(["servers"], servers).flatMap(({ item: server, path }) => [
    ...placed([...path, "models"], server.models)
      .flatMap(({ item, path }) => placed([...path, "versions"], item.versions))
      .flatMap(({ item, path }) => placed([...path, "targets"], item.targets))
      .map(({ item, path }) => ({ target: item, path })),
    ...(server.anyModel ? [{ target: server.anyModel, path: [...path, "anyModel"] }] : []),
  ]);
}

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

/** Validates the text of a routing table or of the reference design's list of servers, JSON or YAML. */
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
  const result = (Array.isArray(value) ? referenceRoutes : routingTable).safeParse(value);
  if (result.success) return result.data;
  throw new PlatformError(
    result.error.issues.map((issue) => problem(issue.message, z.core.toDotPath(issue.path))),
  );
}
