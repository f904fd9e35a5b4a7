import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusedArguments } from "../../../../platform/engines/extra-arguments.ts";
import { dynamoReservedArguments } from "../../../../platform/engines/dynamo/contract.ts";
import { engineConfigFile } from "../../../../platform/engines/dynamo/engine-config.ts";
import { dynamoModelOptions } from "../../../../platform/engines/dynamo/model-options.ts";
import { dynamoBackends, type DynamoBackend } from "../../../../platform/engines/dynamo/release.ts";
import { workerArguments } from "../../../../platform/engines/dynamo/worker-arguments.ts";
import { graphModel, workerSettings } from "../../../../platform/engines/dynamo/worker-settings.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../../../platform/plan/platform-plan.ts";
import { dynamoEngine, dynamoGroup, dynamoPools, flagOf } from "./graph-fixture.ts";

function argumentsOf(group: ReplicaGroupPlan, engine: EnginePlan = dynamoEngine()): readonly string[] {
  const options = dynamoModelOptions(graphModel(group));
  const settings = workerSettings(engine, group);
  return workerArguments(options.backend.type, settings, engineConfigFile(options, settings));
}

const backendGroup = (type: DynamoBackend, written: object = {}, change: Partial<ReplicaGroupPlan> = {}) =>
  dynamoGroup(change, { backend: { type }, ...written });

describe("a vLLM worker", () => {
  test("is told where its model is, its name, its cards, and the sizes of the plan", () => {
    expect(argumentsOf(dynamoGroup())).toEqual([
      ...["--model", "/models/llama-3-70b/3"],
      ...["--served-model-name", "llama-3-70b"],
      ...["--tensor-parallel-size", "4"],
      ...["--max-num-seqs", "24"],
      ...["--max-num-batched-tokens", "8192"],
      ...["--max-model-len", "8192"],
      ...["--gpu-memory-utilization", "0.9"],
      ...["--block-size", "16"],
      "--enable-prefix-caching",
    ]);
  });

  test("moves caches by NIXL where it has only one half of the work", () => {
    const [prefill, decode] = dynamoPools().map((group) => argumentsOf(group));
    const transfer = '{"kv_connector":"NixlConnector","kv_role":"kv_both"}';
    expect(flagOf(prefill ?? [], "--disaggregation-mode")).toBe("prefill");
    expect(flagOf(decode ?? [], "--disaggregation-mode")).toBe("decode");
    for (const args of [prefill, decode]) expect(flagOf(args ?? [], "--kv-transfer-config")).toBe(transfer);
  });

  test("reads prompts in stages over nodes, and shares each stage out over the cards of a node", () => {
    const args = argumentsOf(dynamoGroup({ gpusPerReplica: 16, nodesPerReplica: 2 }));
    expect(flagOf(args, "--tensor-parallel-size")).toBe("8");
    expect(flagOf(args, "--pipeline-parallel-size")).toBe("2");
  });

  test("gets weights from other workers where there is a Model Express", () => {
    const engine = dynamoEngine({}, { modelExpress: { url: "http://mx:8001" } });
    expect(flagOf(argumentsOf(dynamoGroup(), engine), "--load-format")).toBe("modelexpress");
  });

  test("reads more configuration before the command line, which wins", () => {
    const args = argumentsOf(dynamoGroup({}, { decode: { extraConfig: { configMapRef: "decode-config" } } }));
    expect(args.slice(0, 2)).toEqual(["--config", "/opt/dynamo/model/config.yaml"]);
  });
});

describe("an SGLang worker", () => {
  test("is told the same by its own names, over all nodes", () => {
    expect(argumentsOf(backendGroup("sglang", {}, { gpusPerReplica: 16, nodesPerReplica: 2 }))).toEqual([
      ...["--model-path", "/models/llama-3-70b/3"],
      ...["--served-model-name", "llama-3-70b"],
      ...["--tp-size", "16"],
      ...["--max-running-requests", "24"],
      ...["--chunked-prefill-size", "8192"],
      ...["--context-length", "8192"],
      ...["--page-size", "16"],
      "--skip-tokenizer-init",
      "--enable-metrics",
    ]);
  });

  test("meets its other half at a known port, from outside its pod", () => {
    const [prefill] = dynamoPools({ backend: { type: "sglang" } });
    const args = argumentsOf(prefill as ReplicaGroupPlan);
    expect(flagOf(args, "--disaggregation-transfer-backend")).toBe("nixl");
    expect(flagOf(args, "--disaggregation-bootstrap-port")).toBe("12345");
    expect(flagOf(args, "--host")).toBe("0.0.0.0");
  });

  test("keeps no caches where it should not", () => {
    expect(argumentsOf(backendGroup("sglang", { prefixCaching: false }))).toContain("--disable-radix-cache");
  });
});

describe("a TensorRT-LLM worker", () => {
  test("has the size of its blocks in its configuration, and reports the same", () => {
    const args = argumentsOf(backendGroup("trtllm"));
    expect(args).toEqual([
      ...["--model", "/models/llama-3-70b/3"],
      ...["--served-model-name", "llama-3-70b"],
      ...["--tensor-parallel-size", "4"],
      ...["--max-batch-size", "24"],
      ...["--max-num-tokens", "8192"],
      ...["--max-seq-len", "8192"],
      ...["--kv-block-size", "32"],
      ...["--extra-engine-args", "/opt/dynamo/model/config.yaml"],
    ]);
  });

  test("keeps the sizes of the plan where a file that nobody could check says others", () => {
    const args = argumentsOf(
      backendGroup("trtllm", { decode: { extraConfig: { configMapRef: "decode-config" } } }),
    );
    expect(JSON.parse(flagOf(args, "--override-engine-args") ?? "")).toEqual({
      tensor_parallel_size: 4,
      max_batch_size: 24,
      max_num_tokens: 8192,
      max_seq_len: 8192,
    });
  });
});

describe("workers of every backend", () => {
  const reports: Readonly<Record<DynamoBackend, string>> = {
    vllm: "--kv-events-config",
    sglang: "--kv-events-config",
    trtllm: "--publish-kv-events",
  };

  test.each(dynamoBackends)(
    "%s reports its cache where the router routes by it, and where prompts are read",
    (type) => {
      const backend = { type };
      const reporting = (group: ReplicaGroupPlan) => argumentsOf(group).includes(reports[type]);
      expect(reporting(dynamoGroup({}, { backend, routingPolicy: "kv" }))).toBe(true);
      expect(reporting(dynamoGroup({}, { backend, routingPolicy: "kv", kvEvents: "approximate" }))).toBe(
        false,
      );
      expect(reporting(dynamoGroup({}, { backend, routingPolicy: "round-robin" }))).toBe(false);
      expect(dynamoPools({ backend, routingPolicy: "kv" }).map(reporting)).toEqual([true, false]);
    },
  );

  test.each(dynamoBackends)(
    "%s is told nothing that a spec could say too, so that nothing is said twice",
    (type) => {
      const groups = [
        backendGroup(type, {
          routingPolicy: "kv",
          decode: { extraConfig: { configMapRef: "decode-config" } },
        }),
        backendGroup(type, { prefixCaching: false }),
        backendGroup(type, {}, { gpusPerReplica: 8, nodesPerReplica: 2 }),
        ...dynamoPools({ backend: { type } }),
      ];
      const flags = groups
        .flatMap((group) => argumentsOf(group))
        .filter((argument) => argument.startsWith("--"))
        // Nothing else than the frontend's tokenizer and our own scrapes depends on them, and twice is once.
        .filter((flag) => !["--skip-tokenizer-init", "--enable-metrics"].includes(flag));
      expect(flags.length).toBeGreaterThan(20);
      for (const flag of new Set(flags)) {
        expect(refusedArguments([flag], dynamoReservedArguments), flag).toHaveLength(1);
      }
    },
  );

  test("have a process for each card of the replica", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...dynamoBackends),
        fc.constantFrom(1, 2, 4, 8),
        fc.constantFrom(1, 2, 4),
        (type, gpusPerNode, nodes) => {
          const gpusPerReplica = gpusPerNode * nodes;
          const args = argumentsOf(backendGroup(type, {}, { gpusPerReplica, nodesPerReplica: nodes }));
          const size = (...flags: readonly string[]) =>
            Number(flags.map((flag) => flagOf(args, flag)).find((value) => value !== undefined) ?? 1);
          expect(size("--tensor-parallel-size", "--tp-size") * size("--pipeline-parallel-size")).toBe(
            gpusPerReplica,
          );
        },
      ),
    );
  });
});

describe("where a model is", () => {
  const hub = { kind: "hugging-face", organisation: "Qwen" } as const;
  const location = (engine: EnginePlan, written: object = {}) =>
    flagOf(argumentsOf(dynamoGroup({}, written), engine), "--model");

  test("is the folder of its version, from every storage: the hub's is fetched before the worker starts", () => {
    expect(location(dynamoEngine())).toBe("/models/llama-3-70b/3");
    expect(location(dynamoEngine({ storage: hub }))).toBe("/models/llama-3-70b/3");
  });

  test("is its id where Model Express fetches it", () => {
    const engine = dynamoEngine({ storage: hub }, { modelExpress: { url: "http://mx:8001" } });
    expect(location(engine)).toBe("Qwen/llama-3-70b");
    expect(location(engine, { model: { name: "Qwen/Qwen3-32B" } })).toBe("Qwen/Qwen3-32B");
  });
});
