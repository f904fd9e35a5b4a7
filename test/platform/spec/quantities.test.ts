import { describe, expect, test } from "vitest";
import type { z } from "zod";
import {
  bandwidthSchema,
  durationSchema,
  memorySchema,
  priceSchema,
  rateSchema,
} from "../../../platform/spec/quantities.ts";

const schemas = {
  duration: durationSchema,
  rate: rateSchema,
  memory: memorySchema,
  price: priceSchema,
  bandwidth: bandwidthSchema,
} satisfies Record<string, z.ZodType>;

describe("a quantity", () => {
  test.each([
    ["duration", "250ms", 250],
    ["duration", "1.5 s", 1_500],
    ["duration", "2min", 120_000],
    ["duration", "1h", 3_600_000],
    ["rate", "2/s", 120],
    ["rate", "600/min", 600],
    ["rate", "600 / min", 600],
    ["rate", "90/h", 1.5],
    ["rate", "1000000/min", 1_000_000],
    ["memory", "512Mi", 0.5],
    ["memory", "80Gi", 80],
    ["memory", "80 GiB", 80],
    ["memory", "2TiB", 2048],
    ["price", "2.5 USD/h", 2.5],
    ["price", "2USD/h", 2],
    ["bandwidth", "3350 GB/s", 3350],
    ["bandwidth", "3.35TB/s", 3350],
    ["duration", "123456789012ms", 123_456_789_012],
    ["duration", "0.123456789ms", 0.123456789],
  ] as const)("of the kind %s is read in the unit of the plan: %s", (kind, text, value) => {
    expect(schemas[kind].parse(text)).toBe(value);
  });

  test.each([
    ["duration", "250"],
    ["duration", "ms"],
    ["duration", ".5s"],
    ["duration", "5.s"],
    ["duration", "1  s"],
    ["duration", " 1s"],
    ["duration", "1s "],
    ["duration", "1234567890123ms"],
    ["duration", "0.1234567891ms"],
    ["duration", "1d"],
    ["rate", "600min"],
    ["rate", "x600/min"],
    ["rate", "600/minute"],
    ["rate", "600  /min"],
    ["memory", "80G"],
    ["memory", "80"],
    ["memory", "80GiBs"],
    ["memory", "-1Gi"],
    ["price", "2.5 EUR/h"],
    ["price", "2.5 USD"],
    ["price", "2.5 USD/hour"],
    ["price", "$2.5 USD/h"],
    ["bandwidth", "3350 Gb/s"],
    ["bandwidth", "3350 GB"],
    ["bandwidth", "~1 GB/s"],
    ["bandwidth", "1 GB/sec"],
  ] as const)("of the kind %s is refused where its form leaves a doubt: %j", (kind, text) => {
    expect(schemas[kind].safeParse(text).success).toBe(false);
  });

  test.each([
    ["duration", "expected a duration with its unit (ms, s, min, h), such as 250ms"],
    ["rate", "expected a rate with its unit (/s, /min, /h), such as 600/min"],
    ["memory", "expected memory with its unit (Mi, Gi, Ti, or MiB, GiB, TiB), such as 80Gi"],
    ["price", "expected a price with its unit, such as 2.5 USD/h"],
    ["bandwidth", "expected a bandwidth with its unit (GB/s, TB/s), such as 3350 GB/s"],
  ] as const)("of the kind %s says the form it takes, to text and to anything else", (kind, message) => {
    for (const wrong of ["wrong", 5]) {
      expect(schemas[kind].safeParse(wrong).error?.issues.map((issue) => issue.message)).toEqual([message]);
    }
  });

  test("of requests is at most a million a minute, which is said", () => {
    expect(rateSchema.safeParse("1000001/min").error?.issues[0]?.message).toBe(
      "expected at most 1000000/min for one server",
    );
  });
});
