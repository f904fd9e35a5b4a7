import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { suite } from "../requires.ts";
import { answerOf, promqlNeed } from "./promql.ts";

const document = readFileSync(new URL("../../../docs/autoscaling.md", import.meta.url), "utf8");
const [, yaml = ""] = /```yaml\n(rules:.*?)```/s.exec(document) ?? [];

interface Rule {
  readonly seriesQuery: string;
  readonly metricsQuery: string;
}

const { custom, external } = (
  parse(yaml) as { readonly rules: { readonly custom: readonly Rule[]; readonly external: readonly Rule[] } }
).rules;

/** The query of a rule, as the adapter asks it for an autoscaler. */
function asked(rule: Rule | undefined, matchers: string, groupBy: string): string {
  const series = /^\w+/.exec(rule?.seriesQuery ?? "")?.[0] ?? "";
  return (rule?.metricsQuery ?? "")
    .replaceAll("<<.Series>>", series)
    .replaceAll("<<.LabelMatchers>>", matchers)
    .replaceAll("<<.GroupBy>>", groupBy);
}

suite("the adapter's rules of docs/autoscaling.md, in Prometheus' engine,", [promqlNeed()], () => {
  const [queue, utilisation] = custom;
  const [rate] = external;

  test("give what waits in each pod, whatever its engine calls it", async () => {
    const query = asked(queue, 'namespace="llm",pod=~"a|b"', "pod");
    const pods = await answerOf(
      query,
      [
        'vllm:num_requests_waiting{namespace="llm",pod="a",inference_group="g"} 4x40',
        'nv_inference_pending_request_count{namespace="llm",pod="b",inference_group="h",model="x"} 2x40',
        'nv_inference_pending_request_count{namespace="llm",pod="b",inference_group="h",model="y"} 3x40',
        'vllm:num_requests_waiting{namespace="llm",pod="c",inference_group="g"} 9x40',
      ],
      9,
    );
    expect(pods.map(({ labels, value }) => [labels["pod"], value]).toSorted()).toEqual([
      ["a", 4],
      ["b", 5],
    ]);
  });

  test("give the mean of each pod's cards", async () => {
    const query = asked(utilisation, 'exported_namespace="llm",exported_pod=~"a"', "exported_pod");
    const labels = 'namespace="gpu-operator",pod="dcgm",exported_namespace="llm",exported_pod="a"';
    expect(
      await answerOf(
        query,
        [`DCGM_FI_DEV_GPU_UTIL{gpu="0",${labels}} 80x40`, `DCGM_FI_DEV_GPU_UTIL{gpu="1",${labels}} 100x40`],
        9,
      ),
    ).toEqual([{ labels: { exported_pod: "a" }, value: 90 }]);
  });

  test("give the requests a minute that the autoscaler's labels choose", async () => {
    const query = asked(rate, 'server=~"chat",model=~"llama"', "");
    const [answer] = await answerOf(
      query,
      [
        'inference_requests_total{server="chat",model="llama",status="200"} 0+15x40',
        'inference_requests_total{server="chat",model="llama",status="503"} 0+5x40',
        'inference_requests_total{server="chat",model="other",status="200"} 0+99x40',
      ],
      9,
    );
    expect(answer?.value).toBeCloseTo(80, 6);
  });
});
