import { describe, expect, test } from "vitest";
import { addonFacts, isOperatorImage } from "../../../components/addons/addon-facts.ts";
import { isSameOwner, ownedLabels, ownerOf } from "../../../components/addons/addon-owner.ts";

const names = Object.keys(addonFacts) as (keyof typeof addonFacts)[];

describe("the image of an operator", () => {
  test.each([
    ["ghcr.io/kedacore/keda:2.20.2", "keda"],
    ["keda", "keda"],
    ["bank.example:5000/mirror/kedacore/keda", "keda"],
    ["123456789012.dkr.ecr.us-west-2.amazonaws.com/ghcr.io_kedacore_keda@sha256:0123", "keda"],
    ["registry.k8s.io/lws/lws:v0.10.0", "leaderWorkerSet"],
    ["mirror/registry-k8s-io-lws-lws:v0.10.0@sha256:0123", "leaderWorkerSet"],
    ["quay.io/prometheus-operator/prometheus-operator:v0.93.0", "prometheusOperator"],
    ["rancher/mirrored-prometheus-operator-prometheus-operator:v0.80.0", "prometheusOperator"],
    ["nvcr.io/nvidia/ai-dynamo/kubernetes-operator:1.3.1", "dynamoPlatform"],
    ["bank/nvidia_ai-dynamo_kubernetes-operator", "dynamoPlatform"],
    ["bank/dynamo-operator:1.3.1", "dynamoPlatform"],
  ])("%s is that of %s and of no other", (image, owner) => {
    expect(names.filter((name) => isOperatorImage(addonFacts[name], image))).toEqual([owner]);
  });

  test.each([
    "ghcr.io/kedacore/keda-metrics-apiserver:2.20.2",
    "ghcr.io/kedacore/keda/tools",
    "bank/lakeda:1",
    "keda:5000/nginx",
    "nginx:keda",
    "nginx@sha256:keda",
    "bank/kubernetes-operator:1.0.0",
    "quay.io/prometheus-operator/prometheus-config-reloader:v0.93.0",
    "",
  ])("is not %s", (image) => {
    expect(names.filter((name) => isOperatorImage(addonFacts[name], image))).toEqual([]);
  });
});

describe("the owner of an add-on", () => {
  const acme = { platform: "acme", stage: "dev" };

  test("is read from the labels that it is installed with", () => {
    const found = ownerOf(ownedLabels("keda", acme));
    expect(found).toEqual(acme);
    expect(found && isSameOwner(found, acme)).toBe(true);
  });

  test.each([
    ["another platform", { ...acme, platform: "other" }],
    ["another stage", { ...acme, stage: "prod" }],
  ])("is not %s", (_, other) => {
    expect(isSameOwner(acme, other)).toBe(false);
  });

  test("is not this program where its labels are not there", () => {
    expect(ownerOf({})).toBeUndefined();
    expect(ownerOf({ "app.kubernetes.io/instance": "acme" })).toBeUndefined();
    // A namespace for engines.
    expect(
      ownerOf({ ...ownedLabels("keda", acme), "app.kubernetes.io/component": "namespace" }),
    ).toBeUndefined();
  });

  test("of an installation without a stage is nobody in particular", () => {
    const { "domino-inference/stage": _, ...labels } = ownedLabels("keda", acme);
    expect(ownerOf(labels)).toEqual({ platform: "acme", stage: "" });
  });
});
