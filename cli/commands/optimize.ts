import { InvalidArgumentError, Option, type Command } from "commander";
import { allocate, type AllocationObjective } from "../../optimizer/inferno/allocate.ts";
import { infernoModels } from "../../optimizer/inferno/batch-chain.ts";
import { sizeServers } from "../../optimizer/inferno/candidates.ts";
import { generationModels } from "../../optimizer/inferno/generation-models.ts";
import type { RateModels } from "../../optimizer/inferno/rate-model.ts";
import { durationSchema } from "../../platform/spec/quantities.ts";
import { renderAllocationsJson, renderAllocationsTable } from "../inferno/render.ts";
import { readInfernoSystem } from "../inferno/system-files.ts";

const models = {
  inferno: infernoModels,
  "continuous-batching": generationModels,
} as const satisfies Record<string, () => RateModels>;

interface OptimizeOptions {
  readonly system: string;
  readonly format: "table" | "json";
  readonly model: keyof typeof models;
  readonly objective: AllocationObjective;
  readonly timeLimit: number;
}

/** Enough to prove the best answer for hundreds of servers. */
const defaultTimeLimitMs = 10_000;

/** Share of the time that sizing may take where an assignment follows that needs some as well. */
const sizingShareWithLimits = 0.7;

/** Without sizes there is no answer at all, so they get this much whatever the limit; 10,000 servers take a tenth. */
const leastSizingMs = 5_000;

export function optimizeCommand(program: Command): void {
  program
    .command("optimize")
    .description("choose accelerators and replicas for a system in Inferno's data files")
    .requiredOption("--system <path>", "a folder of Inferno's data files, or one file with all of them")
    .addOption(new Option("--format <format>", "how to print").choices(["table", "json"]).default("table"))
    .addOption(
      new Option("--model <model>", "performance model").choices(Object.keys(models)).default("inferno"),
    )
    .addOption(
      new Option(
        "--objective <objective>",
        "what to minimise: cost with Inferno's penalty of changes, or cost",
      )
        .choices(["value", "cost"])
        .default("value"),
    )
    .addOption(
      new Option("--time-limit <duration>", "time after which the best answer so far is printed")
        .argParser(milliseconds)
        .default(defaultTimeLimitMs, "10s"),
    )
    .action(async (options: OptimizeOptions) => {
      const system = await readInfernoSystem(options.system);
      const rateModels = models[options.model]();
      const startedMs = performance.now();
      const sizingShare = system.options.unlimited ? 1 : sizingShareWithLimits;
      const sizingLimitMs = Math.max(sizingShare * options.timeLimit, leastSizingMs);
      const sized = sizeServers(system, {
        models: rateModels,
        isOutOfTime: () => performance.now() - startedMs > sizingLimitMs,
      });
      const sizedMs = performance.now();
      const result = await allocate(system, sized, {
        models: rateModels,
        objective: options.objective,
        timeLimitMs: Math.max(options.timeLimit - (sizedMs - startedMs), 0),
      });
      const elapsed = { sizing: sizedMs - startedMs, assignment: performance.now() - sizedMs };
      if (options.format === "json") {
        for (const piece of renderAllocationsJson(result, elapsed)) process.stdout.write(piece);
      } else {
        process.stdout.write(renderAllocationsTable(result, elapsed));
      }
      // The answer stands, and is the best until then; only the proof is missing.
      if (result.failure !== undefined) {
        process.stderr.write(`the exact search ended early: ${result.failure}\n`);
      }
    });
}

function milliseconds(text: string): number {
  const parsed = durationSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(durationSchema.meta()?.description ?? "expected a duration");
}
