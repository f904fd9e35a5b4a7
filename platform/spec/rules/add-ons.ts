import type { AddonName } from "../../engines/addon-name.ts";
import { addonTitles, addonUsers } from "../addon-users.ts";
import { record, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";

/** An add-on that is stated and that nothing uses would be installed, or looked for, for nothing. */
export function addonProblems(spec: Raw): RuleProblem[] {
  // No cluster, no add-ons.
  if (record(spec.metadata).stage === "local") return [];
  const users = addonUsers(spec);
  const stated = record(spec.addons);
  return (Object.keys(addonTitles) as AddonName[]).flatMap((name): RuleProblem[] =>
    stated[name] !== undefined && !users.has(name)
      ? [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: ["addons", name],
            atKey: true,
            message: `nothing in the spec uses ${addonTitles[name]}`,
            allowed: "add-ons that an engine, its autoscaling or its monitors need",
            remedy: "Remove the key.",
          },
        ]
      : [],
  );
}
