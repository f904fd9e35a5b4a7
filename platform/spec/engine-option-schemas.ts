import type { z } from "zod";
import type { EngineType } from "../engines/registry.ts";
import { engineProfiles } from "../engines/registry.ts";

/**
 * A key for each engine's own options, named after its type. Which of them an entry may have follows from its engine's
 * type and is a rule: a schema cannot see the entry above.
 */
export function engineOptionSchemas(level: "engine" | "model"): {
  readonly [Type in EngineType]: z.ZodOptional<z.ZodType<object>>;
} {
  const entries = Object.entries(engineProfiles).map(([type, { options, title }]) => [
    type,
    options[level].optional().describe(`Options of ${title}.`),
  ]);
  return Object.fromEntries(entries) as ReturnType<typeof engineOptionSchemas>;
}
