import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import { adapterMetrics } from "../../../platform/scaling/adapter-metrics.ts";

const document = readFileSync(new URL("../../../docs/autoscaling.md", import.meta.url), "utf8");

interface Rule {
  readonly seriesQuery: string;
  readonly name: { readonly as: string };
  readonly metricsQuery: string;
}

const block = [...document.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = ""]) => yaml);
const { rules } = parse(block.find((yaml) => yaml.startsWith("rules:")) ?? "") as {
  readonly rules: { readonly custom: readonly Rule[]; readonly external: readonly Rule[] };
};

test("docs/autoscaling.md has an adapter's rule for every metric that autoscalers ask for", () => {
  expect(rules.custom.map(({ name }) => name.as)).toEqual([
    adapterMetrics.queue,
    adapterMetrics["gpu-utilisation"],
  ]);
  expect(rules.external.map(({ name }) => name.as)).toEqual([adapterMetrics["request-rate"]]);
});

test.each(["vllm", "triton"] as const)("the rule for queues knows the gauge of %s", (type) => {
  const { queue } = engineProfiles[type].metrics;
  expect(rules.custom[0]?.seriesQuery).toContain(queue);
  expect(rules.custom[0]?.metricsQuery).toContain(queue);
});
