import { readFileSync } from "node:fs";
import { z } from "zod";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import type { EmulatorOptions } from "./emulator.ts";

const positive = z.number().positive();
const notNegative = z.number().nonnegative();

/** The part of a plan that says how a group behaves; the rest of the document is not looked at. */
const planSchema = z.object({
  kind: z.literal("PlatformPlan"),
  engines: z.array(
    z.object({
      name: z.string(),
      protocol: z.enum(["open-inference-v2", "openai"]),
      loading: z.enum(["preload", "on-demand"]),
    }),
  ),
  groups: z.array(
    z.object({
      name: z.string(),
      engine: z.string(),
      replicas: z.int().nonnegative(),
      maxBatchSize: z.int().positive(),
      weightsGiB: notNegative,
      models: z.array(
        z.object({
          name: z.string(),
          versions: z.array(z.object({ version: z.string(), weight: notNegative })).min(1),
          parameters: z.object({
            alphaMs: notNegative,
            betaMs: notNegative,
            gammaMs: notNegative,
            deltaMs: notNegative,
          }),
          task: z.enum(["generation", "request-response"]),
          maxSequenceTokens: positive,
          otherNames: z.array(z.string()).exactOptional(),
          options: z.looseObject({}).default({}),
          origin: z.object({
            kind: z.enum(["measured", "given", "estimate"]),
            source: z.string(),
            uncertaintyFraction: notNegative,
          }),
        }),
      ),
    }),
  ),
});

/** Reads one group and what its engine says about it from a plan in JSON; throws `EMULATOR_CONFIG_INVALID`. */
export function readGroup(file: string, groupName: string): Omit<EmulatorOptions, "host" | "port"> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const reason = error instanceof SyntaxError ? "is not JSON" : "cannot be read";
    throw invalid(`--plan: "${file}" ${reason}.`, "a file written by `domino-inference plan --format json`");
  }
  const parsed = planSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`--plan: "${file}" is not a platform plan: ${issue?.path.join(".")}: ${issue?.message}.`);
  }
  const { engines, groups } = parsed.data;
  const group = groups.find(({ name }) => name === groupName);
  if (group === undefined) {
    throw invalid(
      `--group: the plan has no group "${groupName}".`,
      groups.map(({ name }) => name).join(", "),
    );
  }
  const engine = engines.find(({ name }) => name === group.engine);
  if (engine === undefined)
    throw invalid(`--plan: group "${groupName}" names an unknown engine "${group.engine}".`);
  return { group, loading: engine.loading, protocol: engine.protocol };
}

function invalid(message: string, allowed?: string): PlatformError {
  return new PlatformError([
    { code: "EMULATOR_CONFIG_INVALID", message, ...(allowed === undefined ? {} : { allowed }) },
  ]);
}
