import { Option, type Command } from "commander";
import { readQuestions } from "../prediction/question.ts";
import { renderPredictions } from "../prediction/render.ts";
import { predictionOf } from "../prediction/prediction.ts";

interface PredictOptions {
  readonly input: string;
  readonly format: "table" | "json";
}

export function predictCommand(program: Command): void {
  program
    .command("predict")
    .description("predict latency and throughput of replicas from their performance parameters and load")
    .requiredOption("--input <file>", "a JSON array of replicas with their loads")
    .addOption(new Option("--format <format>", "how to print").choices(["table", "json"]).default("table"))
    .action(async ({ input, format }: PredictOptions) => {
      const predictions = (await readQuestions(input)).map(predictionOf);
      process.stdout.write(
        format === "json" ? `${JSON.stringify(predictions, null, 2)}\n` : renderPredictions(predictions),
      );
    });
}
