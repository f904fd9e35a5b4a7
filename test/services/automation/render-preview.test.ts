import { parseAllDocuments } from "yaml";
import { expect, test } from "vitest";
import type { OfflinePreview, PreviewedResource } from "../../../services/automation/offline-preview.ts";
import { renderPreview } from "../../../services/automation/render-preview.ts";

const stack = "urn:stack";

function resource(
  name: string,
  type: string,
  inputs: Record<string, unknown> = {},
  parent = stack,
): PreviewedResource {
  return { urn: `urn:pulumi:prod::p::${type}::${name}`, type, name, parent, inputs };
}

const engine = resource("chat", "domino-inference:engines:VllmEngine");
const preview: OfflinePreview = {
  resources: [
    resource(
      "chat-service",
      "kubernetes:core/v1:Service",
      { apiVersion: "v1", kind: "Service", spec: {} },
      engine.urn,
    ),
    resource(
      "chat-token",
      "kubernetes:core/v1:Secret",
      {
        apiVersion: "v1",
        kind: "Secret",
        data: { token: "<secret>", open: "b3Blbg==" },
        stringData: { plain: "<secret>" },
      },
      engine.urn,
    ),
    engine,
    resource("inference", "kubernetes:core/v1:Namespace", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "domino-inference-prod" },
    }),
    resource("foreign", "kubernetes:core/v1:ConfigMapPatch", { apiVersion: "v1", kind: "ConfigMap" }),
    resource("release", "kubernetes:helm.sh/v3:Release", { chart: "keda" }),
    resource("reader", "aws:iam/role:Role", { policyArn: "<arn:reader>", other: "<unknown>" }),
    { urn: stack, type: "pulumi:pulumi:Stack", name: "p-prod", parent: null, inputs: {} },
  ],
  outputs: {},
  plan: {
    budgetUsdPerHour: 20,
    totals: { usdPerHour: 12.345, nodes: 2, gpus: 16 },
  } as OfflinePreview["plan"],
  policies: [
    { name: "images-pinned", level: "mandatory", violations: [] },
    {
      name: "triton-never-polls",
      level: "mandatory",
      violations: [{ urn: engine.urn, message: "it polls" }],
    },
  ],
};

test("the tree shows who belongs to whom, counts kinds, and states cost, masks and policies", () => {
  expect(renderPreview(preview, "tree").split("\n")).toEqual([
    "p-prod              pulumi:pulumi:Stack",
    "├─ chat             domino-inference:engines:VllmEngine",
    "│  ├─ chat-service  kubernetes:core/v1:Service",
    "│  └─ chat-token    kubernetes:core/v1:Secret",
    "├─ foreign          kubernetes:core/v1:ConfigMapPatch",
    "├─ inference        kubernetes:core/v1:Namespace",
    "├─ reader           aws:iam/role:Role",
    "└─ release          kubernetes:helm.sh/v3:Release",
    "",
    "Resources  8: 1 ConfigMapPatch, 1 Namespace, 1 Release, 1 Role, 1 Secret, 1 Service; 1 component",
    "Cost       12.35 USD/h for 2 nodes with 16 GPUs, budget 20.00 USD/h",
    "Masked     2 secrets as <secret>; 2 values that only the cloud can tell as placeholders such as <id:NAME>",
    "",
    "Policies",
    "  ok    images-pinned",
    "  FAIL  triton-never-polls (mandatory): 1 violation",
    "          chat: it polls",
    "",
  ]);
});

test("JSON is the preview itself", () => {
  expect(JSON.parse(renderPreview(preview, "json"))).toEqual(preview);
});

test("YAML holds only objects that can be applied, in an order in which they can, each with a name", () => {
  const manifests = parseAllDocuments(renderPreview(preview, "yaml")).map((document) => document.toJS());
  expect(manifests).toEqual([
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "domino-inference-prod" } },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "chat-token" },
      data: { open: "b3Blbg==" },
      stringData: { token: "<secret>", plain: "<secret>" },
    },
    { apiVersion: "v1", kind: "Service", metadata: { name: "chat-service" }, spec: {} },
  ]);
});
