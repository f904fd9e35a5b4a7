import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { Release } from "@pulumi/kubernetes/helm/v3/index.js";
import { describe, expect, test } from "vitest";
import { definitionProblem, ReadinessGate } from "../../../components/addons/readiness-gate.ts";
import { createdAfter, only } from "../support/resources-of.ts";
import { readsOf } from "./recorded-reads.ts";

const needed = { name: "scaledobjects.keda.sh", version: "v1alpha1" };

describe("a readiness gate", () => {
  test("reads every definition by its name", async () => {
    const { reads, resources } = await readsOf(
      () =>
        new ReadinessGate("ready", {
          definitions: [needed, { name: "podmonitors.monitoring.coreos.com", version: "v1" }],
        }),
    );
    const gate = only(resources, ":ReadinessGate");
    expect(reads).toEqual(
      [needed.name, "podmonitors.monitoring.coreos.com"].map((id) => ({
        type: "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        name: `ready-${id}`,
        id,
        parent: gate.urn,
      })),
    );
  });

  test("comes after what installs the definitions, and before what is of their kinds", async () => {
    const { reads, resources } = await readsOf(() => {
      const release = new Release("chart", { chart: "keda" });
      const gate = new ReadinessGate("ready", { definitions: [needed], after: release.status });
      new CustomResource(
        "object",
        { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject" },
        { dependsOn: [gate] },
      );
    });
    expect(reads.map(({ id }) => id)).toEqual([needed.name]);
    const object = only(resources, ":ScaledObject");
    expect([...createdAfter(resources, object)]).toEqual([
      expect.stringContaining("CustomResourceDefinition::ready-scaledobjects.keda.sh"),
    ]);
  });
});

describe("a definition", () => {
  const served = [
    { name: "v1alpha1", served: true },
    { name: "v1", served: false },
  ];
  const condition = (status: string) => [
    { type: "NamesAccepted", status: "True" },
    { type: "Established", status },
  ];

  test("is right where the version is served and in force", () => {
    expect(definitionProblem(needed, served, condition("True"))).toBeUndefined();
  });

  test("is wrong where only other versions are served", () => {
    expect(definitionProblem({ ...needed, version: "v1" }, served, condition("True"))).toBe(
      "scaledobjects.keda.sh is served in v1alpha1, and v1 is needed: the add-on's version is another",
    );
  });

  test("is of no use before it is in force", () => {
    expect(definitionProblem(needed, served, condition("False"))).toBe(
      "scaledobjects.keda.sh is defined, but not in force yet",
    );
  });

  test("is no problem while nothing is known of it, as in a preview of its installation", () => {
    expect(definitionProblem(needed, undefined, undefined)).toBeUndefined();
  });
});
