import { expect, test } from "vitest";
import { ask, type ServerUnderTest } from "./server-under-test.ts";
import { inputIds } from "./tabular-models.ts";

/** The metrics that the platform's autoscaling, dashboards and policies read, and their neighbours. */
const counters = [
  "nv_inference_request_success",
  "nv_inference_count",
  "nv_inference_exec_count",
  "nv_inference_request_duration_us",
  "nv_inference_queue_duration_us",
  "nv_inference_compute_input_duration_us",
  "nv_inference_compute_infer_duration_us",
  "nv_inference_compute_output_duration_us",
];
const failureReasons = ["BACKEND", "CANCELED", "OTHER", "REJECTED"];

/** A server of `bert-base` and `resnet-50`, and where its metrics are. */
export interface MeteredServer {
  readonly server: ServerUnderTest;
  readonly metricsUrl: string;
}

export function tritonMetricsContract(metered: () => MeteredServer): void {
  test("has every metric of every model version from the start, with Triton's labels", async () => {
    const series = await seriesOf(metered().metricsUrl);
    const resnet = (name: string) => series.get(`${name}{model="resnet-50",version="1"}`);
    for (const name of counters) expect([name, resnet(name)]).toEqual([name, 0]);
    expect(resnet("nv_inference_pending_request_count")).toBe(0);
    for (const reason of failureReasons) {
      const labels = `{model="resnet-50",reason="${reason}",version="1"}`;
      expect([reason, series.get(`nv_inference_request_failure${labels}`)]).toEqual([reason, 0]);
    }
  });

  test("has no inference metrics beyond those that the other one has too", async () => {
    const names = [...(await seriesOf(metered().metricsUrl)).keys()].map((key) => key.split("{", 1)[0] ?? "");
    const inference = new Set(names.filter((name) => name.startsWith("nv_inference_")));
    expect([...inference].toSorted()).toEqual(
      [...counters, "nv_inference_pending_request_count", "nv_inference_request_failure"].toSorted(),
    );
  });

  test("counts requests, and the rows of a batch as inferences", async () => {
    const { server, metricsUrl } = metered();
    const read = async () => {
      const series = await seriesOf(metricsUrl);
      const labels = `{model="bert-base",version="10"}`;
      return ["nv_inference_request_success", "nv_inference_count", "nv_inference_exec_count"].map(
        (name) => series.get(name + labels) ?? 0,
      );
    };
    const before = await read();
    await ask(server, "POST", "/v2/models/bert-base/versions/10/infer", { inputs: [inputIds] });
    expect((await read()).map((count, index) => count - (before[index] ?? 0))).toEqual([1, 2, 1]);
  });
}

/** Every series with its labels in alphabetical order, and its value. */
async function seriesOf(url: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(url)).text();
  return new Map(
    text.split("\n").flatMap((line): [string, number][] => {
      const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) return [];
      const sorted = labels.split(/,(?=\w+=)/).toSorted();
      return [[`${name}{${sorted.join(",")}}`, Number(value)]];
    }),
  );
}
