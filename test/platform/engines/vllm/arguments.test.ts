import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusedArguments } from "../../../../platform/engines/extra-arguments.ts";
import { vllmCommand, vllmServe } from "../../../../platform/engines/vllm/arguments.ts";
import { vllmReservedArguments } from "../../../../platform/engines/vllm/reserved.ts";
import type { ModelStorage } from "../../../../platform/plan/model-storage.ts";
import { chat, groupWith, type WrittenOptions } from "./planned.ts";

const flags = (written: WrittenOptions, storage?: ModelStorage) => {
  const { engine } = chat();
  return vllmServe(groupWith(written), storage ? { ...engine, storage } : engine).flags;
};
const dataset: ModelStorage = { kind: "dataset", dataset: "models", path: "llm" };
const hub: ModelStorage = { kind: "hugging-face", organisation: "Qwen" };

describe("the arguments of vLLM", () => {
  test("serve the planned model with the planned GPUs, batch and context, streamed from S3", () => {
    const { engine, group } = chat();
    expect(vllmCommand({ ...group, gpusPerReplica: 4, maxBatchSize: 17 }, engine)).toEqual([
      "vllm",
      "serve",
      "s3://acme-models/llm/llama-3-70b/1",
      "--host=0.0.0.0",
      "--port=8000",
      "--served-model-name",
      "llama-3-70b",
      "--tensor-parallel-size=4",
      "--max-num-seqs=17",
      "--max-num-batched-tokens=8192",
      "--max-model-len=8192",
      "--gpu-memory-utilization=0.9",
      "--enable-prefix-caching",
      "--load-format=runai_streamer",
      "--disable-access-log-for-endpoints=/health,/metrics",
      "--shutdown-timeout=300",
    ]);
  });

  test.each<[ModelStorage, string]>([
    [dataset, "/models/llama-3-70b/1"],
    [{ kind: "pvc", claim: "weights", path: "" }, "/models/llama-3-70b/1"],
    [
      { kind: "fsx", fileSystemId: "fs-1", dnsName: "fs-1.fsx", mountName: "m", path: "llm" },
      "/models/llama-3-70b/1",
    ],
    [{ kind: "s3", bucket: "acme", prefix: "llm", access: "copy" }, "/models/llama-3-70b/1"],
    [{ kind: "s3", bucket: "acme", prefix: "llm", access: "mount" }, "/models/llama-3-70b/1"],
    [{ kind: "s3", bucket: "acme", prefix: "", access: "stream" }, "s3://acme/llama-3-70b/1"],
    [{ kind: "image", reference: "registry/models:1" }, "/models/llama-3-70b/1"],
    [hub, "Qwen/llama-3-70b"],
  ])("load from where the models lie: %j", (storage, model) => {
    const { engine, group } = chat();
    const serve = vllmServe(group, { ...engine, storage });
    expect(serve.model).toBe(model);
    const streamed = storage.kind === "s3" && storage.access === "stream";
    expect(serve.flags.includes("--load-format=runai_streamer")).toBe(streamed);
  });

  test("pin the revision of a repository, so that a restart loads what was tested", () => {
    expect(flags({}, hub)).toContain("--revision=1");
    expect(flags({}).some((flag) => flag.startsWith("--revision"))).toBe(false);
  });

  test("split the layers over the nodes of a replica and each layer over the GPUs of a node", () => {
    const { engine, group } = chat();
    const command = vllmCommand({ ...group, gpusPerReplica: 16, nodesPerReplica: 2 }, engine);
    expect(command).toEqual(
      expect.arrayContaining([
        "--tensor-parallel-size=8",
        "--pipeline-parallel-size=2",
        "--nnodes=2",
        "--node-rank=0",
      ]),
    );
    expect(command).not.toContain("--headless");
  });

  test("name the model as routes do, and other names after it", () => {
    const given = flags({ servedNames: ["Meta/llama", "chat"] });
    expect(given.slice(0, 4)).toEqual(["--served-model-name", "llama-3-70b", "Meta/llama", "chat"]);
  });

  test("quantise while loading where the spec asks for it, and leave stored formats to vLLM", () => {
    expect(flags({ quantization: "fp8" })).toContain("--quantization=fp8");
    for (const quantization of ["checkpoint-8-bit", "checkpoint-4-bit"] as const) {
      expect(flags({ quantization })).toEqual(flags({}));
    }
  });

  test("set number formats only where they are not the model's own", () => {
    expect(flags({ dtype: "auto", kvCacheDtype: "auto" })).toEqual(flags({}));
    expect(flags({ dtype: "float16", kvCacheDtype: "fp8" })).toEqual(
      expect.arrayContaining(["--dtype=float16", "--kv-cache-dtype=fp8"]),
    );
  });

  test("turn prefix caching off by name, as vLLM has it on", () => {
    expect(flags({ prefixCaching: false })).toContain("--no-enable-prefix-caching");
    expect(flags({ prefixCaching: false })).not.toContain("--enable-prefix-caching");
  });

  test("take the spec's own bounds of sequences and memory", () => {
    expect(flags({ maxSequenceTokens: 4096, gpuMemoryUtilization: 0.95, enforceEager: true })).toEqual(
      expect.arrayContaining(["--max-model-len=4096", "--gpu-memory-utilization=0.95", "--enforce-eager"]),
    );
  });

  test("load adapters from their folder in the storage, all of them at a time", () => {
    const loraAdapters = [
      { name: "sql", path: "sql/v2" },
      { name: "acme/tone", path: "tone" },
    ];
    const given = flags({ loraAdapters, maxLoraRank: 32 }, dataset);
    expect(given.slice(given.indexOf("--enable-lora"), given.indexOf("--enable-lora") + 6)).toEqual([
      "--enable-lora",
      "--max-loras=2",
      "--max-lora-rank=32",
      "--lora-modules",
      "sql=/models/adapters/sql/v2",
      "acme/tone=/models/adapters/tone",
    ]);
  });

  test("load adapters from repositories of the organisation on the hub", () => {
    expect(flags({ loraAdapters: [{ name: "sql", path: "sql-lora" }] }, hub)).toContain("sql=Qwen/sql-lora");
  });

  test("say nothing of adapters where there are none", () => {
    expect(flags({}).some((flag) => flag.includes("lora"))).toBe(false);
  });

  test("read the chat template from its ConfigMap, and calls and reasoning by their parsers", () => {
    expect(
      flags({
        chatTemplate: { configMap: "templates", key: "chat.jinja" },
        toolCallParser: "hermes",
        reasoningParser: "qwen3",
      }),
    ).toEqual(
      expect.arrayContaining([
        "--chat-template=/etc/vllm/chat-template/chat.jinja",
        "--enable-auto-tool-choice",
        "--tool-call-parser=hermes",
        "--reasoning-parser=qwen3",
      ]),
    );
  });

  test("are refused for a group without a version, which would be a fault of the plan", () => {
    const { engine, group } = chat();
    expect(() => vllmServe({ ...group, models: [] }, engine)).toThrow(RangeError);
  });

  test("that the contract sets are all refused as extra ones", () => {
    const own = (written: WrittenOptions, storage: ModelStorage) =>
      vllmCommand(
        { ...groupWith(written), gpusPerReplica: 16, nodesPerReplica: 2 },
        { ...chat().engine, storage },
      );
    const everything: WrittenOptions = {
      quantization: "fp8",
      dtype: "float16",
      kvCacheDtype: "fp8",
      enforceEager: true,
      loraAdapters: [{ name: "sql", path: "sql" }],
      chatTemplate: { configMap: "templates", key: "chat.jinja" },
      toolCallParser: "hermes",
      reasoningParser: "qwen3",
    };
    const harmless = /^--(?:disable-access-log-for-endpoints|distributed-timeout-seconds)=/;
    const set = [...own(everything, hub), ...own({}, chat().engine.storage)].filter(
      (argument) => argument.startsWith("--") && !harmless.test(argument),
    );
    expect(refusedArguments(set, vllmReservedArguments).map(({ argument }) => argument)).toEqual(set);
  });

  test("are one flag each, whatever the options are", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
    const written = fc.record(
      {
        quantization: fc.constantFrom("fp8" as const, "checkpoint-4-bit" as const),
        servedNames: fc.uniqueArray(name, { maxLength: 3 }),
        loraAdapters: fc.array(fc.record({ name, path: name }), { maxLength: 3 }),
        toolCallParser: name,
        maxSequenceTokens: fc.integer({ min: 1, max: 8192 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(written, (options) => {
        const given = flags(options, dataset).filter((argument) => argument.startsWith("--"));
        const names = given.map((flag) => flag.split("=")[0]);
        expect(new Set(names).size).toBe(names.length);
        expect(refusedArguments(given, {})).toEqual([]);
      }),
    );
  });

  test.each([
    "--enable-expert-parallel",
    '--speculative-config={"method":"ngram","num_speculative_tokens":4}',
    "--seed=7",
    "--tokenizer-mode=mistral",
    "--config-format=mistral",
    "--async-scheduling",
    "--kv-offloading-size=16",
    "--limit-mm-per-prompt.image=2",
    "--chat-template-content-format=openai",
    "--max-cpu-loras=8",
    '--model-loader-extra-config={"concurrency":16}',
    "--trust-remote-code",
  ])("leave everything else to the spec: %s", (argument) => {
    expect(refusedArguments([argument], vllmReservedArguments)).toEqual([]);
  });
});
