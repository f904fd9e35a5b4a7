import fc from "fast-check";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { startTracing } from "../../../../services/proxy/tracing/start-tracing.ts";
import type { EndedRequest, TracedRequest, Tracing } from "../../../../services/proxy/tracing/tracing.ts";
import { captureLog, deadUrl, startEngine } from "../testbed.ts";
import { startCollector } from "./collector.ts";

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const parentTrace = "4bf92f3577b34da6a3ce929d0e0e4736";

function request(changes: Partial<TracedRequest> = {}): TracedRequest {
  return {
    method: "POST",
    route: "/v2/models/{model}/infer",
    path: "/v2/models/bert/infer",
    traceparent: undefined,
    tracestate: undefined,
    arrivedAtMs: performance.now(),
    ...changes,
  };
}

function ended(changes: Partial<EndedRequest> = {}): EndedRequest {
  return {
    status: 200,
    route: { server: "tabular", model: "bert", version: "1", service_class: "Free" },
    errorCode: undefined,
    queueMs: 2,
    upstreamMs: 30,
    ttftMs: undefined,
    inputTokens: 0,
    outputTokens: 0,
    ...changes,
  };
}

interface TestTracing {
  readonly tracing: Tracing;
  readonly logged: readonly Record<string, unknown>[];
}

async function tracingTo(url: string, environment: Record<string, string> = {}): Promise<TestTracing> {
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", url);
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const { log, logged } = captureLog();
  const tracing = await startTracing({ log, scheme: "https" });
  onTestFinished(() => tracing.close());
  return { tracing, logged };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("tracing", () => {
  it("sends a span with the names of the semantic conventions", async () => {
    const collector = await startCollector();
    const { tracing } = await tracingTo(collector.url);
    const arrivedAtMs = performance.now() - 100;
    const span = tracing.begin(request({ traceparent: parent, tracestate: "vendor=1", arrivedAtMs }));
    span.end(ended({ ttftMs: 40, inputTokens: 12, outputTokens: 34 }));
    await tracing.close();
    const [sent, ...others] = collector.spans();
    expect(others).toEqual([]);
    expect(sent).toMatchObject({
      name: "POST /v2/models/{model}/infer",
      kind: 2,
      traceId: parentTrace,
      parentSpanId: "00f067aa0ba902b7",
      traceState: "vendor=1",
      status: { code: 0 },
      attributes: {
        "http.request.method": "POST",
        "http.route": "/v2/models/{model}/infer",
        "url.path": "/v2/models/bert/infer",
        "url.scheme": "https",
        "http.response.status_code": 200,
        "inference.server": "tabular",
        "inference.model": "bert",
        "inference.version": "1",
        "inference.service_class": "Free",
        "inference.queue_seconds": 0.002,
        "inference.upstream_seconds": 0.03,
        "gen_ai.request.model": "bert",
        "gen_ai.response.time_to_first_chunk": 0.04,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 34,
      },
    });
    expect(span.traceparent).toBe(`00-${parentTrace}-${sent?.spanId}-01`);
    expect(span.tracestate).toBe("vendor=1");
    const [start, end] = [sent?.startTimeUnixNano, sent?.endTimeUnixNano].map((nano) => Number(nano) / 1e6);
    expect(end).toBeGreaterThanOrEqual((start ?? 0) + 99.9);
    expect(end).toBeLessThanOrEqual(Date.now() + 1);
    expect(collector.resource()).toMatchObject({ "service.name": "domino-inference-proxy" });
  });

  it("leaves out what is not known", async () => {
    const collector = await startCollector();
    const { tracing } = await tracingTo(collector.url);
    tracing.begin(request()).end(
      ended({
        status: 404,
        errorCode: "MODEL_UNKNOWN",
        route: undefined,
        queueMs: undefined,
        upstreamMs: undefined,
      }),
    );
    await tracing.close();
    expect(Object.keys(collector.spans()[0]?.attributes ?? {})).toEqual([
      "http.request.method",
      "http.route",
      "url.path",
      "url.scheme",
      "http.response.status_code",
      "error.type",
    ]);
  });

  it("calls a failure of a server an error, and one of the client none", async () => {
    const collector = await startCollector();
    const { tracing } = await tracingTo(collector.url);
    const ends = [
      ended({ status: 504, errorCode: "DEADLINE_EXCEEDED" }),
      ended({ status: 500 }),
      ended({ status: 499, errorCode: "CLIENT_CLOSED" }),
      ended({ status: 422 }),
    ];
    for (const end of ends) tracing.begin(request()).end(end);
    await tracing.close();
    expect(
      collector.spans().map(({ status, attributes }) => [status.code, attributes["error.type"]]),
    ).toEqual([
      [2, "DEADLINE_EXCEEDED"],
      [2, "500"],
      [0, "CLIENT_CLOSED"],
      [0, undefined],
    ]);
  });

  it("begins a trace of its own where the header is not a trace context", async () => {
    const { tracing } = await tracingTo(await deadUrl(), { OTEL_TRACES_SAMPLER: "always_off" });
    const invalid = [
      "",
      "nonsense",
      `${parent}, ${parent}`,
      `${parent}-more`,
      parent.replace("00-", "ff-"),
      parent.toUpperCase(),
      `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
      `00-${parentTrace}-${"0".repeat(16)}-01`,
      `00-${parentTrace}-00f067aa0ba902b7-01\r\nx-evil: 1`,
    ];
    for (const traceparent of invalid) {
      const span = tracing.begin(request({ traceparent, tracestate: "vendor=1" }));
      expect(span.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
      expect(span.traceparent).not.toContain(parentTrace);
      expect(span.tracestate).toBeUndefined();
    }
    const later = tracing.begin(request({ traceparent: parent.replace("00-", "cc-") + "-what-comes-later" }));
    expect(later.traceparent).toContain(parentTrace);
  });

  it("gives engines valid headers, whatever a client sends", async () => {
    const { tracing } = await tracingTo(await deadUrl(), { OTEL_TRACES_SAMPLER: "always_off" });
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.constant(parent)),
        fc.oneof(fc.string({ maxLength: 2_000 }), fc.array(fc.stringMatching(/^[a-z]=[ -~]$/)).map(String)),
        (traceparent, tracestate) => {
          const span = tracing.begin(request({ traceparent, tracestate }));
          expect(span.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
          expect(span.tracestate ?? "").toMatch(/^[ -~]{0,512}$/);
        },
      ),
    );
  });

  it("follows the caller's decision, and OTEL_TRACES_SAMPLER where there is none", async () => {
    const flagsWith = async (environment: Record<string, string>): Promise<string[]> => {
      const { tracing } = await tracingTo(await deadUrl(), environment);
      const callers = [undefined, parent, parent.replace(/01$/, "00")];
      return callers.map((traceparent) => tracing.begin(request({ traceparent })).traceparent.slice(-2));
    };
    expect(await flagsWith({})).toEqual(["01", "01", "00"]);
    const ratio = { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" };
    expect(await flagsWith(ratio)).toEqual(["00", "01", "00"]);
    expect(await flagsWith({ OTEL_TRACES_SAMPLER: "always_on" })).toEqual(["01", "01", "01"]);
    expect(await flagsWith({ OTEL_TRACES_SAMPLER: "always_off" })).toEqual(["00", "00", "00"]);
    expect(await flagsWith({ ...ratio, OTEL_TRACES_SAMPLER: "traceidratio" })).toEqual(["00", "00", "00"]);
    expect(await flagsWith({ OTEL_TRACES_SAMPLER: "parentbased_always_off" })).toEqual(["00", "01", "00"]);
  });

  it("sends nothing of what is not sampled", async () => {
    const collector = await startCollector();
    const { tracing } = await tracingTo(collector.url, { OTEL_TRACES_SAMPLER: "always_off" });
    tracing.begin(request()).end(ended());
    await tracing.close();
    expect(collector.spans()).toEqual([]);
    expect(tracing.lost).toBe(0);
  });

  it("names the service and adds headers as the environment says", async () => {
    const collector = await startCollector();
    const { tracing } = await tracingTo(collector.url, {
      OTEL_SERVICE_NAME: "door",
      OTEL_RESOURCE_ATTRIBUTES: "k8s.pod.name=proxy-0",
      OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=a",
    });
    tracing.begin(request()).end(ended());
    await tracing.close();
    expect(collector.resource()).toMatchObject({ "service.name": "door", "k8s.pod.name": "proxy-0" });
    expect(collector.text()).toContain('"x-tenant":"a"');
  });

  it("cuts a long path", async () => {
    const collector = await startCollector();
    const { tracing } = await tracingTo(collector.url);
    tracing.begin(request({ path: "m".repeat(15_000) })).end(ended());
    await tracing.close();
    expect(collector.spans()[0]?.attributes["url.path"]).toBe("m".repeat(1_024));
  });

  it.each([
    ["OTEL_TRACES_SAMPLER", "jaeger_remote"],
    ["OTEL_TRACES_SAMPLER", "constructor"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://collector:4317"],
  ])("refuses %s=%s at the start", async (name, value) => {
    await expect(tracingTo("http://127.0.0.1:1", { [name]: value })).rejects.toMatchObject({
      name: "PlatformError",
      problems: [{ code: "PROXY_CONFIG_INVALID", path: name }],
    });
  });

  it.each(["2", "-0.1", "half"])("refuses a ratio of %s at the start", async (ratio) => {
    const environment = { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: ratio };
    await expect(tracingTo("http://127.0.0.1:1", environment)).rejects.toMatchObject({
      problems: [{ code: "PROXY_CONFIG_INVALID", path: "OTEL_TRACES_SAMPLER_ARG" }],
    });
  });
});

describe("tracing at full load", () => {
  it("sends everything that waits at close", async () => {
    const collector = await startCollector();
    const { tracing } = await tracingTo(collector.url);
    for (let count = 0; count < 2_048; count++) tracing.begin(request()).end(ended());
    await tracing.close();
    expect(collector.spans()).toHaveLength(2_048);
    expect(tracing.lost).toBe(0);
  });
});

describe("tracing with a collector that is down", () => {
  it("closes within its time, and counts and logs the lost spans in one line", async () => {
    const { tracing, logged } = await tracingTo(await deadUrl(), { OTEL_EXPORTER_OTLP_TIMEOUT: "200" });
    for (let count = 0; count < 10_000; count++) tracing.begin(request()).end(ended());
    await tracing.close();
    expect(tracing.lost).toBe(10_000);
    expect(logged).toMatchObject([{ level: 40, msg: "spans are lost" }]);
  });

  it("says what the collector answered", async () => {
    const collector = await startCollector(400);
    const { tracing, logged } = await tracingTo(collector.url);
    tracing.begin(request()).end(ended());
    await tracing.close();
    expect(tracing.lost).toBe(1);
    expect(logged).toMatchObject([{ lost: 1, cause: "400 Bad Request", msg: "spans are lost" }]);
  });

  it("gives up at close when the collector does not answer", async () => {
    const silent = await startEngine(() => {});
    const { tracing } = await tracingTo(silent.url);
    tracing.begin(request()).end(ended());
    await tracing.close();
    expect(silent.received).toHaveLength(1);
    expect(tracing.lost).toBe(1);
  });
});
