import { readFile } from "node:fs/promises";
import * as pulumi from "@pulumi/pulumi";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { parseSpec } from "../../../platform/spec/load.ts";
import { platformProgram } from "../../../stacks/program.ts";
import type { Cluster } from "../cluster.ts";
import type { Program } from "../providers/engine-fixture.ts";

/** A piece of the spec's text and what takes its place. */
export type SpecChange = readonly [found: string, replacement: string];

/** The shipped dev spec with pieces of its text replaced; each must be there. */
export async function devSpecText(changes: readonly SpecChange[] = []): Promise<string> {
  let text = await readFile("stacks/dev.yaml", "utf8");
  for (const [found, replacement] of changes) {
    if (!text.includes(found)) throw new Error(`"${found}" is not in the dev spec`);
    text = text.replace(found, replacement);
  }
  return text;
}

/** The whole program of the dev stack on a cluster, as `index.ts` runs it; the kubeconfig is the stack's secret. */
export function devProgram(cluster: Cluster, ...changes: readonly SpecChange[]): Program {
  return async () => {
    const spec = parseSpec(await devSpecText(changes), "dev.yaml");
    const outputs = await platformProgram({
      spec,
      plan: planPlatform(spec),
      settings: { spec: "dev.yaml", kubeconfig: pulumi.secret(cluster.kubeconfig) },
      offline: true,
    });
    return { ...outputs };
  };
}
