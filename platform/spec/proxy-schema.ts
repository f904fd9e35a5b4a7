import { z } from "zod";
import { imageReference, objectName, registeredName, secretReference, versionText } from "./formats.ts";
import { durationSchema, memorySchema, rateSchema, tokenRateSchema } from "./quantities.ts";

const address = (example: string) =>
  z
    .url({ protocol: /^https?$/, error: `expected an http or https address, such as ${example}` })
    // A spec is read by many, and its addresses end in logs.
    .refine((text) => !URL.parse(text)?.username && !URL.parse(text)?.password, {
      error: "expected an address without credentials",
    });

/** Headers are looked up in lower case, so that is how they are written. */
const headerName = z.string().regex(/^[a-z0-9-]{1,64}$/, {
  error: "expected the name of a header in lower case, such as x-session-id",
});

const aboveZero = { error: "expected more than 0" };
const isAboveZero = (value: number): boolean => value > 0;

/** What may be asked for in a time; a minute's worth may come at once. */
const limitSchema = z
  .strictObject({
    requests: rateSchema.refine(isAboveZero, aboveZero).optional(),
    tokens: tokenRateSchema
      .refine(isAboveZero, aboveZero)
      .refine((perMinute) => perMinute <= 1e12, { error: "expected at most 1000000000000/min" })
      .optional()
      .describe("Prompt and generated tokens together."),
  })
  .refine(({ requests, tokens }) => requests !== undefined || tokens !== undefined, {
    error: "expected requests, tokens or both",
  });

/** The claim of Domino's Keycloak that lists a user's roles. */
const dominoRolesClaim = "user_groups";

/** Where Domino's Keycloak shows the keys that it signs by, to pods of the cluster. */
export const dominoKeysUrl =
  "http://keycloak-http.domino-platform.svc.cluster.local:80/auth/realms/DominoRealm/protocol/openid-connect/certs";

const jwtSchema = z.strictObject({
  kind: z.literal("jwt"),
  issuer: address("https://domino.example.com/auth/realms/DominoRealm"),
  audience: z
    .string()
    .min(1)
    .max(256)
    .describe("Who a token must be for: one for another service opens nothing."),
  jwksUrl: address(dominoKeysUrl)
    .default(dominoKeysUrl)
    .describe("Where the issuer's keys are. Default: Domino's Keycloak in the cluster."),
  rolesClaim: z
    .string()
    .regex(/^[A-Za-z0-9_:./-]{1,128}$/, { error: "expected the name of a claim, such as user_groups" })
    .default(dominoRolesClaim)
    .describe("Claim that lists the caller's roles. Default: that of Domino's Keycloak."),
});

const tokenSchema = z.strictObject({
  kind: z.literal("token"),
  secret: secretReference.describe(
    "A Secret of the platform's namespace with the proxy's file of tokens, and its key.",
  ),
});

const authSchema = z
  .union(
    [
      z.literal("none"),
      z
        .array(
          z.union(
            [
              z.literal("domino"),
              z.discriminatedUnion("kind", [jwtSchema, tokenSchema], { error: "expected jwt or token" }),
            ],
            { error: "expected domino, {kind: jwt, issuer, audience} or {kind: token, secret: {name, key}}" },
          ),
        )
        .min(1),
    ],
    { error: "expected none, or a list of domino, {kind: jwt, …} and {kind: token, …}" },
  )
  .describe("Who may send requests; any one of the list is enough. none: everyone who reaches the proxy.");

const autoscalingSchema = z
  .strictObject({
    minReplicas: z.int().min(1).max(50).default(2),
    maxReplicas: z.int().min(1).max(50),
    cpuPercent: z
      .int()
      .min(10)
      .max(200)
      .default(70)
      .describe("Mean use of CPU at which replicas are added, as a share of what one requests."),
  })
  .describe(
    "Replicas that follow the CPU in use, by a HorizontalPodAutoscaler; the cluster needs metrics-server.",
  );

/** `proxy` of the platform. */
export const proxySchema = z.strictObject({
  image: imageReference,
  replicas: z.int().min(1).max(50).optional().describe("Default: 2."),
  autoscaling: autoscalingSchema.optional(),
  resources: z
    .strictObject({
      cpuMillis: z
        .int()
        .min(50)
        .max(4000)
        .optional()
        .describe("Thousandths of a core that one replica requests. Default: 200."),
      memory: memorySchema
        .refine((gib) => gib >= 1 / 8 && gib <= 16, { error: "expected between 128Mi and 16Gi" })
        .optional()
        .describe("Memory that one replica requests, bodies of requests aside. Default: 256Mi."),
    })
    .optional(),
  auth: authSchema.default(["domino"]),
  callerRate: limitSchema
    .optional()
    .describe(
      "What one caller may ask one replica of the proxy for, of all models together. Default: no limit.",
    ),
  keyRate: limitSchema
    .optional()
    .describe(
      "What may be asked of one replica of the proxy with one key of a caller, of all models together. Default: no limit.",
    ),
  maxBody: memorySchema
    .refine((gib) => gib >= 1 / 1024 && gib <= 1, { error: "expected between 1Mi and 1Gi" })
    .optional()
    .describe("Longest body of a request, and longest answer of /predict. Default: 64MiB."),
  certificate: z
    .strictObject({
      issuerRef: z.strictObject({
        name: objectName,
        kind: z.enum(["Issuer", "ClusterIssuer"]).default("Issuer"),
        group: z
          .string()
          .regex(/^[a-z0-9][a-z0-9.-]{0,252}$/, { error: "expected an API group such as cert-manager.io" })
          .default("cert-manager.io"),
      }),
    })
    .optional()
    .describe(
      "Issuer of cert-manager that signs the proxy's certificate. Default: an authority of the platform's own.",
    ),
  grpc: z.boolean().default(false).describe("Open Inference Protocol over gRPC beside HTTP, on port 50051."),
  tracing: z
    .strictObject({ endpoint: address("http://otel-collector.observability.svc:4318") })
    .optional()
    .describe("Collector that spans are sent to, by OTLP over HTTP. Default: no spans."),
  audit: z
    .enum(["json", "none"])
    .default("json")
    .describe(
      "json: a line of the log for each request, who asked for what, without its payload. Default: json.",
    ),
});

const policyName = z.string().regex(/^[^\x00-\x20\x7f]{1,256}$/, {
  error: "expected at most 256 characters without white space",
});

/** `proxy` of a model. */
export const modelProxySchema = z
  .strictObject({
    concurrency: z
      .strictObject({
        running: z.int().min(1).max(1_000_000).describe("Requests in the engine at a time."),
        queued: z
          .int()
          .min(0)
          .max(1_000_000)
          .describe("Requests that wait for their turn; more are refused."),
      })
      .optional()
      .describe("For each replica of the proxy. Default: no limit."),
    rate: limitSchema
      .optional()
      .describe("What all callers may ask one replica of the proxy for. Default: no limit."),
    allow: z
      .strictObject({
        users: z.array(policyName).min(1).max(1000).optional(),
        roles: z.array(policyName).min(1).max(1000).optional(),
      })
      .refine(({ users, roles }) => users !== undefined || roles !== undefined, {
        error: "expected users, roles or both",
      })
      .optional()
      .describe("Who may ask; any one entry is enough. Default: every caller that is let in."),
    sticky: z
      .union([z.literal("caller"), z.strictObject({ header: headerName })], {
        error: "expected caller or {header: x-user}",
      })
      .optional()
      .describe("What keeps a caller at one of several versions. Default: every request is drawn anew."),
    affinity: z
      .union([z.literal("prefix"), z.strictObject({ header: headerName })], {
        error: "expected prefix or {header: x-session-id}",
      })
      .optional()
      .describe(
        "What meets the same replica: prompts that begin alike, or equal values of a header. Default: load alone.",
      ),
    stateful: z
      .boolean()
      .optional()
      .describe("A request changes what later ones get: what was sent is never repeated. Default: false."),
    aliases: z
      .record(registeredName, versionText)
      .optional()
      .describe(
        "Version that each further name stands for, such as stable. latest always is the highest number.",
      ),
    pinned: z.boolean().optional().describe("Is never unloaded to make room. Default: false."),
  })
  .describe("What the proxy does for requests to the model.");

/** How the models of an on-demand engine leave again. */
export const unloadingSchema = z
  .strictObject({
    idle: durationSchema
      .refine((milliseconds) => milliseconds >= 1000 && milliseconds <= 1e10, {
        error: "expected at least 1s",
      })
      .optional()
      .describe("A model that nobody asked for in this time is unloaded."),
    maxLoaded: z
      .int()
      .min(1)
      .optional()
      .describe("Most models that a replica holds; the one longest not asked for is unloaded first."),
  })
  .refine(({ idle, maxLoaded }) => idle !== undefined || maxLoaded !== undefined, {
    error: "expected idle, maxLoaded or both",
  })
  .describe("Only with loading: on-demand. Default: models stay.");

/** As read: memory in GiB, rates per minute. */
export type ProxySpec = z.output<typeof proxySchema>;
export type ModelProxySpec = z.output<typeof modelProxySchema>;
export type LimitSpec = z.output<typeof limitSchema>;
export type JwtAuthSpec = z.output<typeof jwtSchema>;
