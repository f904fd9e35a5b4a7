import { InvalidArgumentError, Option, type Command } from "commander";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { readQuestions } from "../prediction/question.ts";
import { renderSimulations } from "../prediction/render.ts";
import { simulationOf } from "../prediction/simulation.ts";

interface SimulateOptions {
  readonly input: string;
  readonly format: "table" | "json";
  readonly requests: number;
  readonly seed: number;
}

/** Knows the mean time to first token of a half loaded engine within a percent or two. */
const defaultRequests = 20_000;

export function simulateCommand(program: Command): void {
  program
    .command("simulate")
    .description(
      "simulate replicas iteration by iteration: what `predict` computes, with confidence half-widths",
    )
    .requiredOption("--input <file>", "a JSON array of replicas with their loads, as for predict")
    .addOption(new Option("--format <format>", "how to print").choices(["table", "json"]).default("table"))
    .option("--requests <count>", "requests that count", wholeNumber(1, 10_000_000), defaultRequests)
    .option("--seed <number>", "of the random arrivals and lengths", wholeNumber(0, 2 ** 31), 1)
    .action(async ({ input, format, requests, seed }: SimulateOptions) => {
      const questions = await readQuestions(input);
      const idle = questions.findIndex(({ ratePerSecond }) => ratePerSecond === 0);
      if (idle >= 0) {
        throw new PlatformError([
          {
            code: "PREDICT_INPUT_INVALID",
            path: `[${idle}].ratePerSecond`,
            message: "found 0",
            allowed: "a rate above 0: without requests there is nothing to simulate",
          },
        ]);
      }
      const answers = questions.map((question) => simulationOf(question, { requests, seed }));
      process.stdout.write(
        format === "json" ? `${JSON.stringify(answers, null, 2)}\n` : renderSimulations(answers),
      );
    });
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(Number.isSafeInteger(value) && value >= least && value <= most)) {
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    }
    return value;
  };
}
