import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { runCli } from "../support/run-cli.ts";
import { parsed, smallSpec } from "../support/spec-fixture.ts";
import { modelKnowledge } from "../../platform/plan/model-knowledge.ts";
import { engineProfiles } from "../../platform/engines/registry.ts";
import { newestCatalog } from "../../optimizer/catalog/registry.ts";

const folder = mkdtempSync(join(tmpdir(), "estimate-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const mixtral = {
  model_type: "mixtral",
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 14336,
  vocab_size: 32000,
  torch_dtype: "bfloat16",
  num_local_experts: 8,
  num_experts_per_tok: 2,
  max_position_embeddings: 32768,
};

describe("estimate", () => {
  test("prints an architecture that a spec takes, and that is estimated as the config is", async () => {
    const config = file("mixtral.json", mixtral);
    const args = ["estimate", "--config", config, "--model", "mixtral-8x7b"];
    const { code, stdout } = await runCli(args);
    expect(code).toBe(0);
    const { architecture } = parse(stdout) as { architecture: object };
    const text = smallSpec.replace(
      "- name: llama-3-70b\n",
      `- name: mixtral-8x7b\n        architecture: ${JSON.stringify(architecture)}\n`,
    );
    const model = parsed(text).engines[1]?.models[0];
    if (!model) throw new Error("the model is missing");
    const sequence = { inputTokens: 1024, outputTokens: 256 };
    const known = modelKnowledge(
      model,
      engineProfiles.vllm,
      newestCatalog,
      newestCatalog.accelerators,
      sequence,
    );
    const { stdout: json } = await runCli([...args, "--format", "json"]);
    const estimates = JSON.parse(json) as { profiles: unknown };
    expect(known.profiles).toEqual(estimates.profiles);
  });

  test("prints the times on every accelerator that holds the model", async () => {
    const config = file("mixtral.json", mixtral);
    const { stdout } = await runCli(["estimate", "--config", config, "--model", "m", "--format", "table"]);
    expect(stdout).toMatch(/4x A100-80G/);
    expect(stdout).toMatch(/1x L4 is too small/);
  });

  test.each([
    ["a config without dimensions", { model_type: "llama" }, /hidden_size/],
    ["no JSON", "{", /not JSON/],
    ["a list", [], /config\.json/],
    ["a network without figures", { ...mixtral, is_encoder_decoder: true }, /is_encoder_decoder/],
  ])("refuses %s", async (_, content, message) => {
    const { code, stdout, stderr } = await runCli([
      "estimate",
      "--config",
      file("bad.json", content),
      "--model",
      "m",
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^ESTIMATE_CONFIG_INVALID/);
    expect(stderr).toMatch(message);
  });

  test("refuses a file that is not there, and lengths that are none", async () => {
    const missing = await runCli(["estimate", "--config", join(folder, "none.json"), "--model", "m"]);
    expect(missing.stderr).toContain("ENOENT");
    const tokens = await runCli([
      "estimate",
      "--config",
      file("m.json", mixtral),
      "--model",
      "m",
      "--input-tokens",
      "0",
    ]);
    expect(tokens.code).toBe(2);
    expect(tokens.stderr).toContain("CLI_USAGE");
  });
});
