import { basename } from "node:path";
import { InvalidArgumentError, Option, type Command } from "commander";
import { newestCatalog } from "../../optimizer/catalog/registry.ts";
import { fitProfile, fitRequestProfile } from "../../optimizer/profiles/fit-profile.ts";
import { weightsGiB } from "../../optimizer/profiles/roofline.ts";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { readMeasurementFiles } from "../fit/measurement-files.ts";
import { fitProblems } from "../fit/refusals.ts";
import { fitJson, renderFitTable, renderYaml } from "../fit/render.ts";

interface FitOptions {
  readonly points: readonly string[];
  readonly model: string;
  readonly accelerator: string;
  readonly gpus: number;
  readonly maxBatch?: number;
  readonly maxBatchedTokens?: number;
  readonly disaggregated?: boolean;
  readonly source?: string;
  readonly format: "yaml" | "table" | "json";
}

/** Files that the default source names. */
const namedFiles = 4;

export function fitCommand(program: Command): void {
  program
    .command("fit")
    .description("fit a model's performance profile to measurements, to paste into a spec")
    .requiredOption(
      "--points <file...>",
      "exports of AIPerf or GenAI-Perf, or lists of points; FILE@16 says that 16 requests were in flight",
    )
    .requiredOption("--model <name>", "the model that was measured, as the spec calls it")
    .requiredOption("--accelerator <name>", "the accelerator it ran on, as the catalog calls it")
    .option("--gpus <number>", "cards of the replica", wholeNumberTo(16), 1)
    .option(
      "--max-batch <number>",
      "largest batch of the profile (default: the largest measured)",
      wholeNumberTo(4096),
    )
    .option(
      "--max-batched-tokens <number>",
      "tokens that the engine reads in one iteration at most (default: 8192)",
      wholeNumberTo(1_000_000),
    )
    .option("--disaggregated", "prefill ran on other replicas: inter-token latency contains none of it")
    .option("--source <text>", "who measured it, where and when (default: the names of the files)")
    .addOption(
      new Option("--format <format>", "how to print").choices(["yaml", "table", "json"]).default("yaml"),
    )
    .action(async (options: FitOptions) => {
      const measured = await readMeasurementFiles(options.points);
      const architecture = newestCatalog.models.find(({ name }) => name === options.model);
      const subject = {
        model: options.model,
        accelerator: options.accelerator,
        gpusPerReplica: options.gpus,
        weightsGiB: architecture ? weightsGiB(architecture) : 0,
        source: options.source ?? `fitted to ${namesOf(options.points)}`,
        ...(options.maxBatch === undefined ? {} : { maxBatchSize: options.maxBatch }),
      };
      const fit =
        measured.task === "generation"
          ? fitProfile(subject, measured.points, {
              disaggregated: options.disaggregated ?? false,
              ...(options.maxBatchedTokens === undefined
                ? {}
                : { maxBatchedTokens: options.maxBatchedTokens }),
            })
          : fitRequestProfile(subject, measured.points);
      if (!fit.ok) throw new PlatformError(fitProblems(fit.refusals, measured.files));
      process.stdout.write(
        options.format === "json"
          ? `${JSON.stringify(fitJson(fit), null, 2)}\n`
          : options.format === "table"
            ? renderFitTable(fit)
            : renderYaml(fit),
      );
    });
}

/** The first names are enough to find the rest by; a source is one line of a spec. */
function namesOf(files: readonly string[]): string {
  const named = files.slice(0, namedFiles).map((file) => basename(file));
  const more = files.length - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Bounds are those of the spec that the profile is pasted into. */
function wholeNumberTo(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1 || value > most) {
      throw new InvalidArgumentError(`expected a whole number from 1 to ${most}`);
    }
    return value;
  };
}
