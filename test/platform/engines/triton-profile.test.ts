import { expect, test } from "vitest";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { loadSpec } from "../../../platform/spec/load.ts";

const plan = planPlatform(await loadSpec("stacks/prod.yaml"));

function commandOf(name: string): readonly string[] {
  const engine = plan.engines.find((candidate) => candidate.name === name);
  const group = plan.groups.find((candidate) => candidate.engine === name);
  if (!engine || !group) throw new Error(`no engine ${name}`);
  return engineProfiles.triton.command(group, engine);
}

test("a server that preloads is ready when all its models are, and loads exactly those", () => {
  const command = commandOf("triton-domino-pre-load-inference");
  expect(command).toContain("--strict-readiness=true");
  expect(command.filter((argument) => argument.startsWith("--load-model="))).toEqual([
    "--load-model=BERT-BASED",
    "--load-model=DISTILBERT",
  ]);
});

test("a server that loads on demand stays ready while it loads, and starts with nothing loaded", () => {
  const command = commandOf("triton-domino-ondemand-load-inference");
  expect(command).toContain("--strict-readiness=false");
  expect(command.filter((argument) => argument.startsWith("--load-model="))).toEqual([]);
});
