import { Option, type Command } from "commander";
import { renderProblem } from "../../platform/errors/platform-error.ts";
import { planPlatform } from "../../platform/plan/plan.ts";
import { unplaceableProblems } from "../../platform/plan/unplaceable.ts";
import { loadSpec } from "../../platform/spec/load.ts";
import { specFileOf, type SpecChoice } from "../package-files.ts";
import { renderPlan } from "../render/plan-table.ts";
import type { CommandStatus } from "./command-status.ts";

interface PlanOptions extends SpecChoice {
  readonly format: "table" | "json";
}

export function planCommand(program: Command, status: CommandStatus): void {
  program
    .command("plan")
    .description("show what a spec needs: accelerators, replicas, nodes, expected latency and cost")
    .option("--stack <name>", "a shipped stack")
    .addOption(new Option("--spec <file>", "a platform spec").conflicts("stack"))
    .addOption(new Option("--format <format>", "how to print").choices(["table", "json"]).default("table"))
    .action(async (options: PlanOptions) => {
      const plan = planPlatform(await loadSpec(specFileOf(options)));
      process.stdout.write(
        options.format === "json" ? `${JSON.stringify(plan, null, 2)}\n` : renderPlan(plan),
      );
      const problems = unplaceableProblems(plan);
      if (problems.length > 0) {
        process.stderr.write(`${problems.map(renderProblem).join("\n")}\n`);
        status.code = 1;
      }
    });
}
