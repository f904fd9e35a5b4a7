import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dynamoBackends } from "../../../../platform/engines/dynamo/release.ts";
import { graphProblems } from "../../../../platform/engines/dynamo/graph-problems.ts";
import {
  componentOf,
  dynamoEngine,
  dynamoGroup,
  dynamoPools,
  flagOf,
  graphOf,
  mainOf,
  variable,
} from "./graph-fixture.ts";
import { schemaProblems } from "./graph-schema.ts";

describe("the graph of a model", () => {
  test("has the group's name, or the one that the spec gives it", () => {
    expect(graphOf([dynamoGroup()]).metadata).toMatchObject({
      name: "chat-llama-3-70b-premium",
      namespace: "domino-inference-test",
      labels: { "app.kubernetes.io/part-of": "acme" },
    });
    expect(graphOf([dynamoGroup({}, { dynamoNamespace: "llama" })]).metadata.name).toBe("llama");
    expect(graphOf(dynamoPools()).metadata.name).toBe("chat-llama-3-70b-premium");
  });

  test("has frontends of its own and workers that count as those that generate", () => {
    const graph = graphOf([dynamoGroup()]);
    expect(graph.spec.backendFramework).toBe("vllm");
    expect(graph.spec.components.map(({ name, type, replicas }) => ({ name, type, replicas }))).toEqual([
      { name: "Frontend", type: "frontend", replicas: 2 },
      { name: "decode", type: "decode", replicas: 3 },
    ]);
  });

  test("has both pools of a disaggregated model, each with its own replicas and cards", () => {
    const graph = graphOf(dynamoPools());
    expect(componentOf(graph, "prefill").replicas).toBe(2);
    expect(componentOf(graph, "decode").replicas).toBe(3);
    expect(flagOf(mainOf(graph, "prefill").args, "--tensor-parallel-size")).toBe("2");
    expect(flagOf(mainOf(graph, "decode").args, "--tensor-parallel-size")).toBe("4");
  });

  test("is the same for every order of its groups", () => {
    const pools = dynamoPools();
    expect(graphOf(pools.toReversed())).toEqual(graphOf(pools));
  });

  test("runs every image of the engine's release, or the worker's own of that release", () => {
    const engine = dynamoEngine({}, { version: "1.3.1", registry: "mirror.example/dynamo" });
    const graph = graphOf(
      [dynamoGroup({}, { backend: { type: "sglang" }, planner: { maxGpus: 8 } })],
      engine,
    );
    expect(mainOf(graph, "frontend").image).toBe("mirror.example/dynamo/dynamo-frontend:1.3.1");
    expect(mainOf(graph, "decode").image).toBe("mirror.example/dynamo/sglang-runtime:1.3.1");
    expect(mainOf(graph, "planner").image).toBe("mirror.example/dynamo/dynamo-planner:1.3.1");
    const own = "mirror.example/vllm-runtime:1.3.1-cuda13";
    expect(mainOf(graphOf([dynamoGroup({}, { backend: { image: own } })]), "decode").image).toBe(own);
  });

  test("leaves the replicas to an adapter where the plan does not own them, or a planner does", () => {
    for (const group of [
      dynamoGroup({ replicasOwner: "keda" }),
      dynamoGroup({}, { planner: { maxGpus: 16 } }),
    ]) {
      const workers = componentOf(graphOf([group]), "decode");
      expect(workers).not.toHaveProperty("replicas");
      expect(workers.scalingAdapter).toEqual({});
    }
    expect(componentOf(graphOf([dynamoGroup()]), "decode")).not.toHaveProperty("scalingAdapter");
  });

  test("starts replicas on several nodes by Grove, and keeps all others from it", () => {
    const spanning = dynamoGroup({ gpusPerReplica: 16, nodesPerReplica: 2 });
    const grove = graphOf([spanning]);
    expect(componentOf(grove, "decode").multinode).toEqual({ nodeCount: 2 });
    expect(grove.metadata.annotations).toEqual({});
    // Its other way waits in a container that Pod Security restricted refuses.
    expect(componentOf(grove, "decode").podTemplate.metadata.annotations).toMatchObject({
      "nvidia.com/vllm-distributed-executor-backend": "ray",
    });
    const sglang = graphOf([
      dynamoGroup({ gpusPerReplica: 16, nodesPerReplica: 2 }, { backend: { type: "sglang" } }),
    ]);
    expect(componentOf(sglang, "decode").podTemplate.metadata.annotations).not.toHaveProperty(
      "nvidia.com/vllm-distributed-executor-backend",
    );
    const withoutGrove = { "nvidia.com/enable-grove": "false" };
    expect(graphOf([dynamoGroup()]).metadata.annotations).toEqual(withoutGrove);
    const engine = dynamoEngine({}, { multiNode: "leader-worker-set" });
    expect(graphOf([spanning], engine).metadata.annotations).toEqual(withoutGrove);
  });

  test("replaces workers one by one without a surplus one, for which there are no cards", () => {
    expect(componentOf(graphOf([dynamoGroup()]), "decode").podTemplate.metadata.annotations).toEqual({
      "nvidia.com/deployment-rolling-update-max-surge": "0",
      "nvidia.com/deployment-rolling-update-max-unavailable": "1",
    });
  });
});

describe("the pods of a graph", () => {
  test("are the caller's with what the graph needs on top", () => {
    const pod = componentOf(graphOf([dynamoGroup()]), "decode").podTemplate;
    expect(pod.metadata.labels).toEqual({ "app.kubernetes.io/component": "worker" });
    expect(pod.spec["serviceAccountName"]).toBe("chat-worker");
    expect(pod.spec["volumes"]).toEqual([{ name: "scratch", emptyDir: {} }]);
    expect(pod.spec.containers[0]["resources"]).toEqual({ limits: { "nvidia.com/gpu": "4" } });
  });

  test("have a ConfigMap's file at its path, beside the files of the image", () => {
    const group = dynamoGroup(
      {},
      { decode: { extraConfig: { configMapRef: { name: "mine", key: "vllm.yaml" } } } },
    );
    const { spec } = componentOf(graphOf([group]), "decode").podTemplate;
    expect(spec["volumes"]).toContainEqual({ name: "engine-config", configMap: { name: "mine" } });
    expect(spec.containers[0]["volumeMounts"]).toContainEqual({
      name: "engine-config",
      mountPath: "/opt/dynamo/model/config.yaml",
      subPath: "vllm.yaml",
      readOnly: true,
    });
  });

  test("have as much shared memory as the plan counted, and frontends none", () => {
    const graph = graphOf([dynamoGroup()]);
    expect(componentOf(graph, "decode").sharedMemorySize).toBe("16384Mi");
    expect(componentOf(graph, "frontend").sharedMemorySize).toBe("0");
  });

  test("live as long as their last request may take, and are told to wait that long", () => {
    const graph = graphOf([dynamoGroup({}, { longestRequest: "10min" })]);
    const worker = mainOf(graph, "decode");
    const leave = Number(variable(worker, "DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS"));
    const drain = Number(variable(worker, "DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS"));
    expect([leave, drain]).toEqual([5, 600]);
    // Up to 30 s for caches that others read and 30 s for the engine come after the last request.
    const grace = (type: string) => componentOf(graph, type).podTemplate.spec.terminationGracePeriodSeconds;
    expect(grace("decode")).toBeGreaterThan(leave + drain + 60);
    expect(variable(mainOf(graph, "frontend"), "DYN_HTTP_GRACEFUL_SHUTDOWN_TIMEOUT_SECS")).toBe("600");
    expect(grace("frontend")).toBeGreaterThan(15 + leave + drain);
    expect(mainOf(graph, "frontend")["lifecycle"]).toEqual({ preStop: { sleep: { seconds: 15 } } });
  });

  test("have as long to start as the plan foresees, and are no hang because they answer late", () => {
    expect(mainOf(graphOf([dynamoGroup()]), "decode")).toMatchObject({
      startupProbe: { httpGet: { path: "/health", port: 9090 }, periodSeconds: 10, failureThreshold: 74 },
      // A minute, where the operator's own restarts a worker at its first answer after 4 s.
      livenessProbe: { httpGet: { path: "/live", port: 9090 }, periodSeconds: 10, failureThreshold: 6 },
      readinessProbe: { httpGet: { path: "/health", port: 9090 } },
    });
  });

  test("give tokenizer and configuration to frontends, which mount no models and ask no hub", () => {
    const graph = graphOf([dynamoGroup()]);
    expect(variable(mainOf(graph, "decode"), "DYN_SELF_HOST_METADATA")).toBe("true");
    expect(variable(mainOf(graph, "frontend"), "HF_HUB_OFFLINE")).toBe("1");
  });

  test("report over what the engine says, at both ends", () => {
    for (const eventPlane of ["zmq", "nats"]) {
      const graph = graphOf([dynamoGroup({}, { planner: { maxGpus: 8 } })], dynamoEngine({}, { eventPlane }));
      for (const type of ["frontend", "decode", "planner"]) {
        expect(variable(mainOf(graph, type), "DYN_EVENT_PLANE")).toBe(eventPlane);
      }
    }
  });

  test("find their Model Express, where the spec has it or where the engine has its own", () => {
    const there = dynamoEngine({}, { modelExpress: { url: "http://mx.models.svc:8001" } });
    expect(variable(mainOf(graphOf([dynamoGroup()], there), "decode"), "MODEL_EXPRESS_URL")).toBe(
      "http://mx.models.svc:8001",
    );
    const own = dynamoEngine(
      {},
      { modelExpress: { install: { redis: "redis://redis:6379", cache: "200Gi" } } },
    );
    const worker = mainOf(graphOf([dynamoGroup()], own), "decode");
    expect(variable(worker, "MODEL_EXPRESS_URL")).toBe(
      "http://chat-model-express.domino-inference-test.svc:8001",
    );
    expect(variable(worker, "VLLM_PLUGINS")).toBe("modelexpress");
    expect(variable(worker, "MX_MODEL_URI")).toBe("/models/llama-3-70b/3");
  });

  test("end with the arguments of the spec", () => {
    const group = dynamoGroup({ arguments: ["--enable-lora", "--swap-space=8"] });
    expect(mainOf(graphOf([group]), "decode").args.slice(-2)).toEqual(["--enable-lora", "--swap-space=8"]);
  });
});

describe("frontends", () => {
  const args = (written: object) => mainOf(graphOf([dynamoGroup({}, written)]), "frontend").args;

  test("take workers in turn for a policy that they do not know: none is never said", () => {
    expect(args({})).toEqual(["--http-port", "8000", "--migration-limit", "3"]);
    expect(flagOf(args({ routingPolicy: "random" }), "--router-mode")).toBe("random");
    expect(flagOf(args({ routingPolicy: "round-robin" }), "--router-mode")).toBe("round-robin");
  });

  test("route by caches in the workers' blocks, together where there are several", () => {
    expect(args({ routingPolicy: "kv", kvBlockSize: 64, migrationLimit: 0 })).toEqual([
      ...["--http-port", "8000", "--migration-limit", "0", "--router-mode", "kv"],
      ...["--kv-cache-block-size", "64", "--router-kv-events", "--router-replica-sync"],
    ]);
    expect(args({ routingPolicy: "kv", frontend: { replicas: 1 } })).not.toContain("--router-replica-sync");
  });

  test("guess the caches only where they are told to", () => {
    expect(args({ routingPolicy: "kv", kvEvents: "approximate" })).toContain("--no-router-kv-events");
  });
});

describe("a planner", () => {
  const config = (written: object, pools = false) => {
    const groups = pools ? dynamoPools(written) : [dynamoGroup({}, written)];
    return JSON.parse(flagOf(mainOf(graphOf(groups), "planner").args, "--config") ?? "") as object;
  };

  test("knows its graph, and how many GPUs it may take", () => {
    expect(config({ planner: { maxGpus: 16 }, backend: { type: "sglang" } })).toMatchObject({
      environment: "kubernetes",
      backend: "sglang",
      mode: "agg",
      max_gpu_budget: 16,
      enable_load_scaling: true,
    });
    expect(config({ planner: { maxGpus: 16 } }, true)).toMatchObject({ mode: "disagg" });
  });

  test("decides as the spec says, but not for another graph or with more GPUs", () => {
    const planner = {
      maxGpus: 16,
      config: { ttft_ms: 300, max_gpu_budget: 99, backend: "trtllm", min_endpoint: 2 },
    };
    expect(config({ planner })).toMatchObject({
      ttft_ms: 300,
      max_gpu_budget: 16,
      backend: "vllm",
      min_endpoint: 2,
    });
  });
});

describe("every graph", () => {
  const written = fc.record({
    backend: fc.record({ type: fc.constantFrom(...dynamoBackends) }),
    routingPolicy: fc.constantFrom("none", "random", "round-robin", "kv"),
    kvBlockSize: fc.constantFrom(16, 32, 64),
    prefixCaching: fc.boolean(),
    longestRequest: fc.constantFrom("1s", "30s", "24h"),
    migrationLimit: fc.nat(5),
  });
  const shape = fc.record({
    gpusPerReplica: fc.constantFrom(1, 2, 4, 8),
    replicas: fc.integer({ min: 1, max: 9 }),
  });

  test("is taken by the definition and by the operator's rules", () => {
    fc.assert(
      fc.property(
        written,
        shape,
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(1, 2),
        (options, size, pools, planned, nodes) => {
          const all = { ...options, ...(planned ? { planner: { maxGpus: 64 } } : {}) };
          const change = { ...size, nodesPerReplica: nodes, gpusPerReplica: size.gpusPerReplica * nodes };
          const groups = pools ? dynamoPools(all, change) : [dynamoGroup(change, all)];
          const graph = graphOf(groups, dynamoEngine({}, { multiNode: "leader-worker-set" }));
          expect(graphProblems(graph)).toEqual([]);
          expect(schemaProblems(graph)).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("would be refused by the definition with a field that it does not have", () => {
    const graph = graphOf([dynamoGroup()]);
    expect(schemaProblems({ ...graph, spec: { ...graph.spec, services: {} } })).toHaveLength(1);
    expect(schemaProblems({ ...graph, spec: { backendFramework: "vllm" } })).toHaveLength(1);
  });
});
