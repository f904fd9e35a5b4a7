import { describe, expect, test } from "vitest";
import { problemsOf, smallSpecWith } from "../../support/spec-fixture.ts";

/** Code, path and what is allowed of each problem of a platform whose `proxy` has this beside its image. */
function refused(proxy: string): unknown[] {
  const problems = problemsOf(
    smallSpecWith("engines:\n", `proxy: { image: "proxy:1", ${proxy} }\nengines:\n`),
  );
  // That the small platform runs at stage local, where nobody is asked who he is, is not the schema's to report.
  return brief(problems.filter(({ code }) => code !== "SPEC_VALUE_CONFLICT"));
}

/** The same of a model whose `proxy` is this. */
function refusedOfModel(proxy: string): unknown[] {
  return brief(
    problemsOf(
      smallSpecWith("      - name: bert-base\n", `      - name: bert-base\n        proxy: { ${proxy} }\n`),
    ),
  );
}

function brief(problems: ReturnType<typeof problemsOf>): unknown[] {
  return problems.map(({ code, path, allowed }) => [code, path, allowed]);
}

const type = "SPEC_TYPE_INVALID";
const missing = "SPEC_KEY_MISSING";
const issuerForm = "an http or https address, such as https://domino.example.com/auth/realms/DominoRealm";
const authForm = "domino, {kind: jwt, issuer, audience} or {kind: token, secret: {name, key}}";

describe("the platform's proxy", () => {
  test.each([
    [
      "auth: [{ kind: jwt }]",
      [
        [missing, "proxy.auth[0].issuer", issuerForm],
        [missing, "proxy.auth[0].audience", "text"],
      ],
    ],
    ["auth: [{ kind: jwt, issuer: 5, audience: a }]", [[type, "proxy.auth[0].issuer", issuerForm]]],
    ["auth: [{ kind: token }]", [[missing, "proxy.auth[0].secret", "a mapping"]]],
    ["auth: [{ kind: saml }]", [[type, "proxy.auth[0].kind", "jwt or token"]]],
    ["auth: [dominoo]", [[type, "proxy.auth[0]", authForm]]],
    ["auth: [none]", [[type, "proxy.auth[0]", authForm]]],
    [
      "auth: nobody",
      [[type, "proxy.auth", "none, or a list of domino, {kind: jwt, …} and {kind: token, …}"]],
    ],
    ["auth: []", [[type, "proxy.auth", "at least 1 entries"]]],
    ["callerRate: {}", [[type, "proxy.callerRate", "requests, tokens or both"]]],
    ["keyRate: {}", [[type, "proxy.keyRate", "requests, tokens or both"]]],
    ["keyRate: 5", [[type, "proxy.keyRate", "a mapping"]]],
    ["callerRate: { requests: 0/min }", [[type, "proxy.callerRate.requests", "more than 0"]]],
    [
      "callerRate: { tokens: 99999999999/s }",
      [[type, "proxy.callerRate.tokens", "at most 1000000000000/min"]],
    ],
    ["maxBody: 2Gi", [[type, "proxy.maxBody", "between 1Mi and 1Gi"]]],
    ["replicas: 0", [[type, "proxy.replicas", "at least 1"]]],
    ["autoscaling: {}", [[missing, "proxy.autoscaling.maxReplicas", "a number"]]],
    ["resources: { memory: 64Mi }", [[type, "proxy.resources.memory", "between 128Mi and 16Gi"]]],
    [
      "certificate: { issuerRef: { name: a, kind: Vault } }",
      [[type, "proxy.certificate.issuerRef.kind", "Issuer, ClusterIssuer"]],
    ],
    [
      "tracing: { endpoint: 'http://user:password@otel:4318' }",
      [[type, "proxy.tracing.endpoint", "an address without credentials"]],
    ],
    ["audit: yes", [[type, "proxy.audit", "json, none"]]],
    ["grpc: sometimes", [[type, "proxy.grpc", "boolean"]]],
  ])("is told what it may say instead of %s", (proxy, problems) => {
    expect(refused(proxy)).toEqual(problems);
  });
});

describe("the proxy of a model", () => {
  test.each([
    ["affinity: session", [[type, "affinity", "prefix or {header: x-session-id}"]]],
    [
      "affinity: { header: X-Session }",
      [[type, "affinity.header", "the name of a header in lower case, such as x-session-id"]],
    ],
    ["concurrency: { running: 0, queued: 1 }", [[type, "concurrency.running", "at least 1"]]],
    ["concurrency: { running: 1 }", [[missing, "concurrency.queued", "a number"]]],
    ["rate: {}", [[type, "rate", "requests, tokens or both"]]],
    [
      "alias: 1",
      [
        [
          "SPEC_KEY_UNKNOWN",
          "alias",
          "concurrency, rate, allow, sticky, affinity, stateful, aliases, pinned",
        ],
      ],
    ],
  ])("is told what it may say instead of %s", (proxy, problems) => {
    expect(refusedOfModel(proxy)).toEqual(
      problems.map(([code, path, allowed]) => [code, `engines[0].models[0].proxy.${path}`, allowed]),
    );
  });

  test("is refused at its place in the file, with every other mistake", () => {
    const text = smallSpecWith(
      "      - name: bert-base\n",
      "      - name: bert-base\n        proxy: { aliases: { latest: 3, old: 2 }, pinned: true }\n",
    );
    expect(
      problemsOf(text).map(({ code, path, position }) => [code, path, position?.line, position?.column]),
    ).toEqual([
      ["SPEC_VALUE_CONFLICT", "engines[0].models[0].proxy.aliases.latest", 20, 29],
      ["SPEC_REFERENCE_UNKNOWN", "engines[0].models[0].proxy.aliases.old", 20, 45],
      ["SPEC_VALUE_CONFLICT", "engines[0].models[0].proxy.pinned", 20, 50],
    ]);
  });
});

test("unloading says when, and a data plane has a name", () => {
  const engine = (said: string): unknown[] =>
    brief(
      problemsOf(
        smallSpecWith("    type: triton\n", `    type: triton\n    loading: on-demand\n    ${said}\n`),
      ),
    );
  expect(engine("unloading: {}")).toEqual([[type, "engines[0].unloading", "idle, maxLoaded or both"]]);
  expect(engine("unloading: { idle: 10ms }")).toEqual([[type, "engines[0].unloading.idle", "at least 1s"]]);
  expect(engine("dataPlane: West Coast")).toEqual([
    [type, "engines[0].dataPlane", "lower-case letters, digits and inner dashes, beginning with a letter"],
  ]);
});
