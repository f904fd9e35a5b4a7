import { describe, expect, test } from "vitest";
import { problemsOf, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

/** Replaces one piece of the small spec and expects exactly one problem. */
function expectProblem(found: string, replacement: string, problem: object) {
  expect(problemsOf(smallSpecWith(found, replacement))).toMatchObject([problem]);
}

describe("names", () => {
  test("of engines are unique", () => {
    expectProblem("name: chat", "name: tabular", { code: "SPEC_NAME_DUPLICATE", path: "engines[1].name" });
  });

  test("of models are unique within an engine", () => {
    const twice = `      - name: bert-base
        traffic: [{ load: { rate: 1/min } }]
  - name: chat`;
    expectProblem("  - name: chat", twice, {
      code: "SPEC_NAME_DUPLICATE",
      path: "engines[0].models[1].name",
      message: 'model "bert-base" is already defined at index 0',
    });
  });

  test("of models may repeat in another engine", () => {
    const other = `  - name: second
    type: triton
    storage: { dataset: models, path: models/other }
    models: [{ name: bert-base, traffic: [{ load: { rate: 1/min } }] }]
  - name: chat`;
    expect(problemsOf(smallSpecWith("  - name: chat", other))).toEqual([]);
  });

  test("of service classes and their priorities are unique", () => {
    expectProblem(
      "- { name: Premium, priority: 1 }",
      "- { name: Premium, priority: 1 }\n  - { name: Gold, priority: 1 }",
      {
        code: "SPEC_NAME_DUPLICATE",
        path: "serviceClasses[1].priority",
      },
    );
  });

  test("of two models that would share a Service differ after they are made fit for Kubernetes", () => {
    const text = smallSpec.replace(
      "      - name: llama-3-70b\n",
      "      - name: llama-3.70b\n        base: llama-3-70b\n        traffic:\n          - serviceClass: Premium\n            load: { rate: 1/min, inputTokens: 1, outputTokens: 1 }\n      - name: llama-3-70b\n",
    );
    expect(problemsOf(text)).toMatchObject([
      { code: "SPEC_NAME_DUPLICATE", path: "engines[1].models[1].name" },
    ]);
  });

  test("that make a Service name of more than 63 characters are refused", () => {
    const name = `llama-3-70b-${"x".repeat(60)}`;
    expectProblem("- name: llama-3-70b", `- name: ${name}\n        base: llama-3-70b`, {
      code: "SPEC_VALUE_CONFLICT",
      path: "engines[1].models[0].name",
    });
  });

  test("of groups are unique over all namespaces", () => {
    const other = `  - name: chat
    type: vllm
    namespace: second
    storage: s3://acme-models/llm
    models: [{ name: llama-3-70b, traffic: [{ serviceClass: Premium, load: { rate: 1/min, inputTokens: 1, outputTokens: 1 } }] }]
  - name: chat
    type: vllm`;
    const codes = problemsOf(smallSpecWith("  - name: chat\n    type: vllm", other)).map(({ code, path }) => [
      code,
      path,
    ]);
    expect(codes).toContainEqual(["SPEC_NAME_DUPLICATE", "engines[2].name"]);
  });

  test("of the proxy's own objects are reserved", () => {
    expectProblem("name: tabular", "name: inference-proxy", {
      code: "SPEC_NAME_DUPLICATE",
      path: "engines[0].models[0].name",
    });
  });

  test("of engines begin with a letter, as Services do", () => {
    expectProblem("name: tabular", "name: 2nd", { code: "SPEC_TYPE_INVALID", path: "engines[0].name" });
  });

  test("of Domino's and Kubernetes' namespaces are not an engine's to take", () => {
    for (const namespace of ["domino-compute", "domino-platform", "kube-system", "default"]) {
      expectProblem("type: vllm", `type: vllm\n    namespace: ${namespace}`, {
        code: "SPEC_VALUE_CONFLICT",
        path: "engines[1].namespace",
      });
    }
  });

  test("of traffic classes are unique within a model", () => {
    expectProblem("- load: { rate: 1/s }", "- { serviceClass: Premium, load: { rate: 1/s } }", {
      code: "SPEC_NAME_DUPLICATE",
      path: "engines[0].models[0].traffic[1]",
    });
  });
});

describe("references", () => {
  test("to service classes exist, with the nearest name in the message", () => {
    expectProblem("{ serviceClass: Premium, slo", "{ serviceClass: Premum, slo", {
      code: "SPEC_REFERENCE_UNKNOWN",
      message: 'service class "Premum" is not known; did you mean "Premium"?',
      allowed: "Premium, Free",
    });
  });

  test("to datasets exist", () => {
    expectProblem("storage: { dataset: models,", "storage: { dataset: modles,", {
      code: "SPEC_REFERENCE_UNKNOWN",
      path: "engines[0].storage.dataset",
    });
  });

  test("to roles exist", () => {
    expectProblem("  datasets:\n", "  users: [{ user: someone, role: none }]\n  datasets:\n", {
      code: "SPEC_REFERENCE_UNKNOWN",
      path: "domino.users[0].role",
    });
  });

  test("to accelerators exist in use, limits and profiles", () => {
    expectProblem("use: [L4, H100-80G]", "use: [L4, H100]", {
      code: "SPEC_ACCELERATOR_UNKNOWN",
      path: "accelerators.use[1]",
    });
    expectProblem("use: [L4, H100-80G]", "limits: { L5: 3 }", {
      code: "SPEC_ACCELERATOR_UNKNOWN",
      path: "accelerators.limits.L5",
      message: 'accelerator "L5" is not known; did you mean "L4"?',
    });
    expectProblem(
      "version: 3",
      "profiles: [{ accelerator: L40, maxBatchSize: 8, gamma: 1ms, delta: 1ms, source: bench }]",
      { code: "SPEC_ACCELERATOR_UNKNOWN", path: "engines[0].models[0].profiles[0].accelerator" },
    );
  });

  test("to the catalog exist", () => {
    expectProblem('catalog: "2026-11"', 'catalog: "2026-12"', {
      code: "SPEC_CATALOG_UNKNOWN",
      path: "catalog",
    });
  });

  test("to a model's network exist", () => {
    expectProblem("- name: llama-3-70b", "- name: lama-3-70b", {
      code: "SPEC_MODEL_UNKNOWN",
      message: 'model "lama-3-70b" is not known; did you mean "llama-3-70b"?',
    });
    expectProblem("- name: llama-3-70b", "- name: mine\n        base: llama-4", {
      code: "SPEC_MODEL_UNKNOWN",
    });
  });
});

describe("contradictions", () => {
  test("between the load and the longest sequence of the model are refused", () => {
    expectProblem("inputTokens: 512", "inputTokens: 9000", {
      code: "SPEC_VALUE_CONFLICT",
      path: "engines[1].models[0].traffic[0].load.inputTokens",
      message: "inputTokens and outputTokens are 9128 together",
      allowed: "8192, the longest sequence of the model",
    });
  });

  test("between an engine's namespace and another stage's platform are refused", () => {
    expectProblem("type: vllm", "type: vllm\n    namespace: domino-inference-prod", {
      code: "SPEC_VALUE_CONFLICT",
      path: "engines[1].namespace",
    });
  });

  test("between two accelerators about one instance type are refused", () => {
    const card = (name: string) =>
      `{ name: ${name}, memory: 128Gi, memoryBandwidth: 3.2 TB/s, dense16BitTflops: 362, source: datasheet, instanceTypes: [{ name: own.large, gpus: 8, vcpus: 96, memory: 1Ti, price: 12 USD/h }] }`;
    expectProblem("use: [L4, H100-80G]", `custom: [${card("X1")}, ${card("X2")}]`, {
      code: "SPEC_NAME_DUPLICATE",
      path: "accelerators.custom[1].instanceTypes[0].name",
      message: 'instance type "own.large" is already one of accelerator "X1"',
    });
  });

  test("between a role and nobody who has it are refused", () => {
    const role =
      "  roles: [{ name: reader, bucket: acme-blobs, prefix: mlflow, access: read }]\n  datasets:\n";
    expectProblem("  datasets:\n", role, { code: "SPEC_VALUE_CONFLICT", path: "domino.roles[0].name" });
    expect(
      problemsOf(smallSpecWith("  datasets:\n", `  users: [{ user: someone, role: reader }]\n${role}`)),
    ).toEqual([]);
  });

  test("between version and versions are refused", () => {
    expectProblem(
      "version: 3",
      "version: 3\n        versions: [{ version: 1, weight: 50 }, { version: 2, weight: 50 }]",
      {
        code: "SPEC_VALUE_CONFLICT",
        path: "engines[0].models[0].version",
      },
    );
  });

  test("in weights are refused unless they add up to 100", () => {
    expectProblem("version: 3", "versions: [{ version: 1, weight: 90 }, { version: 2, weight: 20 }]", {
      code: "SPEC_WEIGHTS_INVALID",
      message: "the weights 90 + 20 add up to 110",
    });
  });

  test("between an engine and its storage are refused", () => {
    expectProblem(
      "storage: { dataset: models, path: models/pre-load }",
      "storage: { s3: s3://acme-models/bert, access: stream }",
      {
        code: "SPEC_STORAGE_UNSUPPORTED",
        path: "engines[0].storage",
        allowed: "dataset, pvc, fsx, s3-copy, s3-mount, image",
      },
    );
  });

  test("between an engine and the kind of model are refused", () => {
    expectProblem("- name: bert-base", "- name: mine\n        base: llama-3-70b", {
      code: "SPEC_VALUE_CONFLICT",
      path: "engines[0].models[0].name",
    });
  });

  test("between a target and the kind of model are refused", () => {
    expectProblem("latencyP95: 50ms", "ttftP95: 50ms", {
      code: "SPEC_SLO_UNSUPPORTED",
      path: "engines[0].models[0].traffic[0].slo.ttftP95",
      allowed: "latencyMean, latencyP95",
    });
  });

  test("between token counts and the kind of model are refused", () => {
    expectProblem("load: { rate: 1/s }", "load: { rate: 1/s, inputTokens: 5 }", {
      code: "SPEC_VALUE_CONFLICT",
    });
    expectProblem(", outputTokens: 128", "", {
      code: "SPEC_KEY_MISSING",
      path: "engines[1].models[0].traffic[0].load.outputTokens",
    });
  });

  test("between shared replicas and a model's own are refused", () => {
    expectProblem("version: 3", "replicas: 3", {
      code: "SPEC_VALUE_CONFLICT",
      path: "engines[0].models[0].replicas",
    });
    expectProblem("type: vllm", "type: vllm\n    replicas: 3", {
      code: "SPEC_VALUE_CONFLICT",
      path: "engines[1].replicas",
    });
  });

  test("between on-demand loading and the engine or its replicas are refused", () => {
    expectProblem("type: vllm", "type: vllm\n    loading: on-demand", {
      code: "SPEC_VALUE_CONFLICT",
      path: "engines[1].loading",
    });
    expectProblem("type: triton", "type: triton\n    loading: on-demand\n    replicas: 2", {
      code: "SPEC_VALUE_CONFLICT",
      path: "engines[0].replicas",
    });
  });

  test("between a stage in a cluster and a missing cluster, proxy or file system are refused", () => {
    expect(problemsOf(smallSpecWith("stage: local", "stage: dev"))).toMatchObject([
      { code: "SPEC_KEY_MISSING", path: "cluster" },
      { code: "SPEC_KEY_MISSING", path: "proxy" },
    ]);
  });

  test("between a custom accelerator and the catalog are refused", () => {
    const custom = (name: string, type: string) =>
      `custom: [{ name: ${name}, memory: 128Gi, memoryBandwidth: 3.2 TB/s, dense16BitTflops: 362, source: datasheet, instanceTypes: [{ name: ${type}, gpus: 8, vcpus: 96, memory: 1Ti, price: 12 USD/h }] }]`;
    expectProblem("use: [L4, H100-80G]", custom("L4", "own.large"), {
      code: "SPEC_NAME_DUPLICATE",
      path: "accelerators.custom[0].name",
    });
    expectProblem("use: [L4, H100-80G]", custom("MI250", "g6.xlarge"), {
      code: "SPEC_NAME_DUPLICATE",
      path: "accelerators.custom[0].instanceTypes[0].name",
    });
    expect(problemsOf(smallSpecWith("use: [L4, H100-80G]", custom("MI250", "own.large")))).toEqual([]);
  });
});
