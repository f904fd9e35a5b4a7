import { writeFile } from "node:fs/promises";
import { InvalidArgumentError, Option, type Command } from "commander";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { factorBounds, geometricFactors, stepBounds } from "../../platform/frontier/factors.ts";
import { frontierOf } from "../../platform/frontier/frontier-of.ts";
import type { Frontier } from "../../platform/frontier/frontier.ts";
import type { Varied } from "../../platform/frontier/scale-spec.ts";
import { loadSpec } from "../../platform/spec/load.ts";
import { specFileOf, type SpecChoice } from "../package-files.ts";
import { renderFrontier } from "../render/frontier-table.ts";

type Format = "table" | "json" | "svg" | "html";

interface FrontierOptions extends SpecChoice {
  readonly vary?: Varied;
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly server?: string;
  readonly model?: string;
  readonly format: Format;
  readonly output?: string;
}

export function frontierCommand(program: Command): void {
  program
    .command("frontier")
    .description("show what a spec would cost at other loads and other latency targets")
    .option("--stack <name>", "a shipped stack")
    .addOption(new Option("--spec <file>", "a platform spec").conflicts("stack"))
    .addOption(
      new Option("--vary <what>", "what to multiply; default: one curve each").choices(["load", "slo"]),
    )
    // Two octaves each way: from a quiet night to a launch, with the powers of two and 1 among the steps.
    .option("--from <factor>", "smallest factor", factor, 0.25)
    .option("--to <factor>", "largest factor", factor, 4)
    .option("--steps <count>", "factors between them, evenly spaced by ratio", stepCount, 17)
    .option("--server <id>", "vary only these servers: an id of the plan, * stands for any text")
    .addOption(new Option("--model <name>", "vary only this model's servers").conflicts("server"))
    .addOption(
      new Option("--format <format>", "how to show it")
        .choices(["table", "json", "svg", "html"])
        .default("table"),
    )
    .option("--output <file>", "write it there instead of printing it")
    .action(async (options: FrontierOptions, command: Command) => {
      if (options.from >= options.to) command.error("error: --from must be below --to");
      const spec = await loadSpec(specFileOf(options));
      const frontier = frontierOf(spec, {
        vary: options.vary === undefined ? ["load", "slo"] : [options.vary],
        factors: geometricFactors(options.from, options.to, options.steps),
        choice: {
          ...(options.server === undefined ? {} : { server: options.server }),
          ...(options.model === undefined ? {} : { model: options.model }),
        },
      });
      const text = await rendered(frontier, options.format);
      if (options.output === undefined) process.stdout.write(text);
      else await write(options.output, text);
    });
}

/** The chart library takes longer to load than a plan to make: only the formats that draw pay for it. */
async function rendered(frontier: Frontier, format: Format): Promise<string> {
  switch (format) {
    case "table":
      return renderFrontier(frontier);
    case "json":
      return `${JSON.stringify(frontier, null, 2)}\n`;
    case "svg": {
      const { renderFrontierSvg } = await import("../render/frontier-svg.ts");
      return renderFrontierSvg(frontier);
    }
    case "html": {
      const { renderFrontierPage } = await import("../render/frontier-page.ts");
      return renderFrontierPage(frontier);
    }
  }
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "not writable";
    throw new PlatformError(
      [{ code: "CLI_OUTPUT_UNWRITABLE", message: `cannot write ${file} (${reason})` }],
      { cause: error },
    );
  }
}

function factor(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const { min, max } = factorBounds;
  if (!(value >= min && value <= max)) throw new InvalidArgumentError(`expected ${min} to ${max}`);
  return value;
}

function stepCount(text: string): number {
  const value = Number(text);
  const { min, max } = stepBounds;
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
  }
  return value;
}
