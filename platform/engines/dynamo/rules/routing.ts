import type { RuleProblem } from "../../../spec/rules.ts";
import { unsupported, type RawDynamoModel } from "./raw-model.ts";

/** The frontend routes by caches only with caches, and with something that knows of them. */
export function routingProblems({ options, optionsPath }: RawDynamoModel): RuleProblem[] {
  const { routingPolicy, kvEvents, prefixCaching } = options;
  if (routingPolicy !== "kv") {
    return kvEvents === true || kvEvents === "approximate"
      ? [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: [...optionsPath, "kvEvents"],
            atKey: true,
            message: "nobody asks what the caches hold: the frontend does not route by them",
            allowed: "routingPolicy: kv, or no kvEvents",
          },
        ]
      : [];
  }
  return [
    ...(kvEvents === false
      ? [
          unsupported(
            [...optionsPath, "kvEvents"],
            "routingPolicy kv without events: the router would take every cache for empty",
            "true; approximate, which guesses from what it sent where; or routingPolicy: round-robin",
          ),
        ]
      : []),
    ...(prefixCaching === false
      ? [
          unsupported(
            [...optionsPath, "prefixCaching"],
            "routingPolicy kv without prefix caching: there are no caches to route by",
            "true, or routingPolicy: round-robin",
          ),
        ]
      : []),
  ];
}
