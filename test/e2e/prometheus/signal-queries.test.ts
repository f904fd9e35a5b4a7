import { describe, expect, test } from "vitest";
import {
  gpuUtilisationQuery,
  queueQuery,
  requestRateQuery,
} from "../../../platform/scaling/signal-queries.ts";
import { chatGroup, groupModel } from "../../platform/scaling/measured-group.ts";
import { suite } from "../requires.ts";
import { answerOf, promqlNeed } from "./promql.ts";

const group = { ...chatGroup, models: [groupModel("llama-3.70b", "1")] };
const ofGroup = 'namespace="llm",inference_group="chat-llama-free"';
const proxy = 'namespace="platform",inference_component="proxy"';
const requests = (labels: string, values: string) => `inference_requests_total{${labels}} ${values}`;
const model = 'server="chat",model="llama-3.70b",version="1",service_class="Free"';

/** The one number of an answer without labels; nothing where there is no answer. */
async function valueOf(query: string, series: readonly string[], atMinutes = 9): Promise<number | undefined> {
  const answer = await answerOf(query, series, atMinutes);
  expect(answer.length).toBeLessThanOrEqual(1);
  for (const { labels } of answer) expect(labels).toEqual({});
  return answer[0]?.value;
}

suite("Prometheus' engine answers", [promqlNeed()], () => {
  describe("how many requests wait", () => {
    const gauge = "vllm:num_requests_waiting";
    const query = queueQuery(gauge, group);

    test("in all pods of the group, and in no other group's or namespace's", async () => {
      expect(
        await valueOf(query, [
          `${gauge}{${ofGroup},pod="a",model_name="x"} 4x40`,
          `${gauge}{${ofGroup},pod="b",model_name="x"} 6x40`,
          `${gauge}{namespace="llm",inference_group="chat-llama-free-x",pod="c"} 99x40`,
          `${gauge}{namespace="other",inference_group="chat-llama-free",pod="d"} 99x40`,
        ]),
      ).toBe(10);
    });

    test("with nothing where no pod says so, which is not the same as none", async () => {
      expect(await valueOf(query, [`other{${ofGroup}} 1x40`])).toBeUndefined();
    });
  });

  describe("how busy GPUs are", () => {
    const query = gpuUtilisationQuery(group);
    const pods = ["a", "b"].map((pod) => `up{${ofGroup},pod="${pod}",endpoint="http"} 1x40`);

    test.each([
      ["renamed", 'namespace="gpu-operator",pod="dcgm-1",exported_namespace="llm",exported_pod='],
      ["left as they were", 'namespace="llm",pod='],
    ])("where the exporter's labels are %s", async (_how, labels) => {
      expect(
        await valueOf(query, [
          ...pods,
          'up{namespace="llm",inference_group="other",pod="z"} 1x40',
          `DCGM_FI_DEV_GPU_UTIL{gpu="0",${labels}"a"} 80x40`,
          `DCGM_FI_DEV_GPU_UTIL{gpu="1",${labels}"a"} 100x40`,
          `DCGM_FI_DEV_GPU_UTIL{gpu="2",${labels}"b"} 50x40`,
          `DCGM_FI_DEV_GPU_UTIL{gpu="3",${labels}"z"} 100x40`,
        ]),
        // The mean of the cards of each replica, added up.
      ).toBe(90 + 50);
    });

    test("once for a replica on several nodes", async () => {
      expect(
        await valueOf(query, [
          `up{${ofGroup},pod="a",inference_node="0"} 1x40`,
          `up{${ofGroup},pod="a-1",inference_node="1"} 1x40`,
          'DCGM_FI_DEV_GPU_UTIL{gpu="0",namespace="llm",pod="a"} 80x40',
          'DCGM_FI_DEV_GPU_UTIL{gpu="0",namespace="llm",pod="a-1"} 70x40',
        ]),
      ).toBe(80);
    });

    test("also while a replica does not answer", async () => {
      expect(
        await valueOf(query, [
          `up{${ofGroup},pod="a"} 0x40`,
          'DCGM_FI_DEV_GPU_UTIL{gpu="0",namespace="llm",pod="a"} 80x40',
        ]),
      ).toBe(80);
    });
  });

  describe("how many requests come a minute", () => {
    const query = requestRateQuery(group, "platform");

    test("at all proxies, answered or not, for this model, version and class alone", async () => {
      const other = (labels: string) => requests(`${proxy},pod="p",${labels},status="200"`, "0+99x40");
      expect(
        await valueOf(query, [
          requests(`${proxy},pod="p",${model},status="200"`, "0+30x40"),
          requests(`${proxy},pod="q",${model},status="200"`, "0+15x40"),
          requests(`${proxy},pod="p",${model},status="503"`, "0+15x40"),
          other('server="chat",model="llama-3x70b",version="1",service_class="Free"'),
          other('server="chat",model="llama-3.70b",version="2",service_class="Free"'),
          other('server="chat",model="llama-3.70b",version="1",service_class="Premium"'),
          other('server="talk",model="llama-3.70b",version="1",service_class="Free"'),
          `up{${proxy},pod="p"} 1x40`,
        ]),
      ).toBeCloseTo(4 * (30 + 15 + 15), 6);
    });

    test("for each model in its own versions", async () => {
      const served = {
        ...group,
        models: [groupModel("a", "1"), groupModel("b", "1", "2")],
        serviceClasses: ["Free", "Premium"],
      };
      const counted = (labels: string, values: string) =>
        requests(`${proxy},pod="p",server="chat",${labels},status="200"`, values);
      expect(
        await valueOf(requestRateQuery(served, "platform"), [
          counted('model="a",version="1",service_class="Free"', "0+15x40"),
          counted('model="a",version="2",service_class="Free"', "0+99x40"),
          counted('model="b",version="2",service_class="Premium"', "0+30x40"),
        ]),
      ).toBeCloseTo(4 * (15 + 30), 6);
    });

    test("beginning with the first request after a start of the proxy, of which there is no rate yet", async () => {
      const series = [
        requests(`${proxy},pod="p",${model},status="503"`, "_x28 1x40"),
        `up{${proxy},pod="p"} 1x70`,
      ];
      expect(await valueOf(query, series, 6)).toBe(0);
      expect(await valueOf(query, series, 7.5)).toBeGreaterThan(0);
      expect(await valueOf(query, series, 12)).toBe(0);
    });

    test("with none where a proxy is measured that has had none", async () => {
      expect(await valueOf(query, [`up{${proxy},pod="p"} 1x40`])).toBe(0);
    });

    test("with nothing where no proxy is measured, so that nobody takes it for none", async () => {
      expect(
        await valueOf(query, ['up{namespace="other",inference_component="proxy"} 1x40']),
      ).toBeUndefined();
    });
  });
});
