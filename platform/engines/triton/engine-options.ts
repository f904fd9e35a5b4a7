import { z } from "zod";
import type { EnginePlan } from "../../plan/platform-plan.ts";

/** The key `triton:` of an engine. */
export const tritonEngineOptionsSchema = z.strictObject({
  logVerbose: z.int().min(0).max(10).optional().describe("Verbosity of the log. Default: 0."),
  modelLoadThreads: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe("Models that are loaded at the same time. Default: Triton's, 4."),
  rateLimiterResources: z
    .record(z.string().regex(/^[A-Za-z]\w{0,49}$/, { error: "expected a name such as R1" }), z.int().min(1))
    .optional()
    .describe(
      "How much there is of a resource of rateLimiter. Default: what the most demanding model takes.",
    ),
});

export type TritonEngineOptions = z.output<typeof tritonEngineOptionsSchema>;

/** The options of an engine; the schema let them through when the spec was loaded. */
export function tritonEngineOptions(engine: Pick<EnginePlan, "options">): TritonEngineOptions {
  return engine.options as TritonEngineOptions;
}
