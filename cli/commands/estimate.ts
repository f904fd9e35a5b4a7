import { InvalidArgumentError, Option, type Command } from "commander";
import { newestCatalog } from "../../optimizer/catalog/registry.ts";
import { architectureFromConfig } from "../../optimizer/profiles/architecture-from-config.ts";
import { estimateProfiles } from "../../optimizer/profiles/estimate.ts";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";
import { readConfig } from "../estimate/config-file.ts";
import { architectureYaml, renderEstimates } from "../estimate/render.ts";

interface EstimateCommandOptions {
  readonly config: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly format: "yaml" | "table" | "json";
}

export function estimateCommand(program: Command): void {
  program
    .command("estimate")
    .description("estimate a model nobody has measured from its config.json, to paste into a spec")
    .requiredOption("--config <file>", "the model's Hugging Face config.json")
    .requiredOption("--model <name>", "the model's name in the spec")
    .option("--input-tokens <number>", "mean prompt tokens a request", tokenCount, 1024)
    .option("--output-tokens <number>", "mean generated tokens a request", tokenCount, 256)
    .addOption(
      new Option(
        "--format <format>",
        "yaml: the network for the spec; table, json: times on every accelerator",
      )
        .choices(["yaml", "table", "json"])
        .default("yaml"),
    )
    .action(async ({ config, model, inputTokens, outputTokens, format }: EstimateCommandOptions) => {
      const reading = architectureFromConfig(model, await readConfig(config));
      if (!reading.ok) {
        throw new PlatformError(
          reading.problems.map(({ field, kind, found, allowed }): Problem => ({
            code: "ESTIMATE_CONFIG_INVALID",
            path: field,
            message: `${config}: ${kind === "missing" ? "is missing" : `${found ?? "the value"} is ${kind}`}`,
            allowed,
          })),
        );
      }
      const { architecture, notes } = reading;
      const estimates = () =>
        estimateProfiles(architecture, newestCatalog.accelerators, { inputTokens, outputTokens });
      process.stdout.write(
        format === "yaml"
          ? architectureYaml(architecture, notes)
          : format === "table"
            ? renderEstimates(estimates(), notes)
            : `${JSON.stringify({ architecture, notes, ...estimates() }, null, 2)}\n`,
      );
    });
}

function tokenCount(text: string): number {
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value >= 1 && value <= 10_000_000)) {
    throw new InvalidArgumentError("expected a whole number from 1 to 10000000");
  }
  return value;
}
