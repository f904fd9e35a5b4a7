import { expect, test } from "vitest";
import { defaultDenyPerNamespace } from "../../policies/default-deny-per-namespace.ts";
import type { PolicyResource } from "../../policies/policy.ts";
import { resource, unknown } from "./resource.ts";

const namespace = resource("kubernetes:core/v1:Namespace", { metadata: { name: "inference" } }, "namespace");

function networkPolicy(spec: Record<string, unknown>, inNamespace: unknown = "inference"): PolicyResource {
  return resource("kubernetes:networking.k8s.io/v1:NetworkPolicy", {
    metadata: { namespace: inNamespace },
    spec,
  });
}

const denyAll = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };

function check(...resources: PolicyResource[]) {
  return defaultDenyPerNamespace.checkStack(resources, { usdPerHourOf: () => undefined });
}

test("accepts a namespace whose pods may neither send nor receive by default", () => {
  expect(check(namespace, networkPolicy(denyAll))).toEqual([]);
  expect(check(namespace, networkPolicy({ ...denyAll, ingress: [], egress: [] }))).toEqual([]);
  expect(check(namespace, networkPolicy({ ...denyAll, podSelector: { matchLabels: {} } }))).toEqual([]);
});

test("names the namespace that has no NetworkPolicy", () => {
  expect(check(namespace)).toEqual([
    {
      urn: namespace.urn,
      message:
        'namespace "inference" has no default-deny NetworkPolicy; add one with podSelector {}, policyTypes [Ingress, Egress] and no rules',
    },
  ]);
});

test.each([
  ["closes one direction only", { podSelector: {}, policyTypes: ["Ingress"] }],
  ["has a rule that opens it again", { ...denyAll, ingress: [{}] }],
  ["selects some pods only", { ...denyAll, podSelector: { matchLabels: { app: "triton" } } }],
  ["selects pods by an expression", { ...denyAll, podSelector: { matchExpressions: [{ key: "app" }] } }],
  ["has no selector", { policyTypes: ["Ingress", "Egress"] }],
])("does not count a NetworkPolicy that %s", (_, spec) => {
  expect(check(namespace, networkPolicy(spec))).toHaveLength(1);
});

test("does not count a NetworkPolicy of another namespace", () => {
  expect(check(namespace, networkPolicy(denyAll, "other"))).toHaveLength(1);
});

test("does not judge while a name is not known yet", () => {
  expect(check(resource("kubernetes:core/v1:Namespace", { metadata: { name: unknown } }))).toEqual([]);
  expect(check(namespace, networkPolicy(denyAll, unknown))).toEqual([]);
});
