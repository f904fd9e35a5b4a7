import { onTestFinished, describe, expect, it } from "vitest";
import { PlatformError, type Problem } from "../../../platform/errors/platform-error.ts";
import { startEmulatedGroup } from "../../../services/emulator/emulator.ts";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { parseRoutes } from "../../../services/proxy/routes-file.ts";
import type { LoadedRoutingTable } from "../../../services/proxy/routing/routing-index.ts";
import { requestModel, tabularGroup } from "../emulator/groups.ts";
import {
  json,
  replaceFile,
  startEngine,
  startNamedEngine,
  startTestProxy,
  until,
  type Engine,
  type TestProxy,
} from "./testbed.ts";

const preloaded = {
  service: "triton-domino-pre-load-inference",
  inference_server_type: "PreloadedTritonInferenceServerProxy",
  endpoint: "http://triton-domino-pre-load-inference-service.domino-inference-dev.svc.cluster.local:8000",
};
const onDemand = {
  service: "triton-domino-ondemand-load-inference",
  inference_server_type: "OnDemandTritonInferenceServerProxy",
  endpoint:
    "http://triton-domino-ondemand-load-inference-service.domino-inference-dev.svc.cluster.local:8000",
};

const inputIds = { name: "input_ids", shape: [1, 8], datatype: "INT64", data: [1, 2, 3, 4, 5, 6, 7, 8] };
/** The call that the reference's notebook records. */
const recordedCall = {
  inference_server_name: preloaded.service,
  model_name: "BERT-BASED",
  model_version: "1",
  payload: { inputs: [inputIds] },
};

/** A proxy whose routing file is the reference's, for these engines. */
function startReferenceProxy(...engines: readonly (typeof preloaded)[]): Promise<TestProxy> {
  return startTestProxy(engines as unknown as LoadedRoutingTable);
}

/** A Triton in explicit mode: it serves what it was asked to load. */
function startExplicitEngine(loaded: Set<string> = new Set()): Promise<Engine> {
  return startEngine(({ url }, response) => {
    const [, , , model = "", action, inRepository] = url.split("/");
    if (url.startsWith("/v2/repository/models/") && inRepository === "load") {
      loaded.add(action ?? "");
      return response.writeHead(200).end();
    }
    if (!loaded.has(model)) return json(response, 404, { error: "Request for unknown model" });
    return json(response, 200, { model_name: model, outputs: [] });
  });
}

function problemsOf(value: unknown): readonly Problem[] {
  try {
    parseRoutes(JSON.stringify(value), "triton-inference-servers.json");
    return [];
  } catch (error) {
    if (PlatformError.is(error)) return error.problems;
    throw error;
  }
}

describe("the reference design's list of servers", () => {
  it("is a routing table whose servers take every model", () => {
    const anyModel = { serviceClasses: ["default"], timeoutMs: 60_000 };
    expect(parseRoutes(JSON.stringify([preloaded, onDemand]), "triton-inference-servers.json")).toEqual({
      apiVersion: "domino-inference/v1",
      kind: "RoutingTable",
      servers: [
        {
          name: preloaded.service,
          type: preloaded.inference_server_type,
          protocol: "open-inference-v2",
          loading: "preload",
          models: [],
          anyModel: { ...anyModel, group: preloaded.service, endpoints: [preloaded.endpoint] },
        },
        {
          name: onDemand.service,
          type: onDemand.inference_server_type,
          protocol: "open-inference-v2",
          loading: "on-demand",
          models: [],
          anyModel: { ...anyModel, group: onDemand.service, endpoints: [onDemand.endpoint] },
        },
      ],
    });
  });

  it("may be empty", () => {
    expect(problemsOf([])).toEqual([]);
  });

  it.each([
    ["a server that is listed twice", [preloaded, onDemand, preloaded], "[2]", /is listed twice/],
    ["an endpoint that is no URL", [{ ...preloaded, endpoint: "triton:8000" }], "[0].endpoint", /base URL/],
    [
      "an endpoint with a path's end",
      [{ ...preloaded, endpoint: "http://a:8000/" }],
      "[0].endpoint",
      /trailing slash/,
    ],
    [
      "an endpoint with a password",
      [{ ...preloaded, endpoint: "http://u:p@a" }],
      "[0].endpoint",
      /credentials/,
    ],
    ["a key that it does not have", [preloaded, { ...onDemand, models: [] }], "[1]", /"models"/],
    ["a server without an endpoint", [{ ...preloaded, endpoint: undefined }], "[0].endpoint", /string/],
    ["a server without a name", [{ ...preloaded, service: undefined }], "[0].service", /string/],
    [
      "a type with a line break",
      [{ ...preloaded, inference_server_type: "a\nb" }],
      "[0].inference_server_type",
      /name/,
    ],
    ["an entry that is none", [preloaded, "triton"], "[1]", /object/],
  ])("is refused with %s", (_what, servers, path, message) => {
    expect(problemsOf(servers)).toMatchObject([
      { code: "ROUTES_INVALID", path, message: expect.stringMatching(message) as string },
    ]);
  });

  it("is refused where one of several problems is, with all of them", () => {
    const wrong = [
      { ...preloaded, endpoint: "x" },
      { ...onDemand, service: "a b" },
    ];
    expect(problemsOf(wrong).map(({ path }) => path)).toEqual(["[0].endpoint", "[1].service"]);
  });
});

describe("a proxy with the reference design's list of servers", () => {
  it("answers the recorded call in the recorded form", async () => {
    const group = await startEmulatedGroup({
      group: tabularGroup({ models: [requestModel("BERT-BASED", "1")] }),
      loading: "preload",
      protocol: "open-inference-v2",
    });
    onTestFinished(() => group.close());
    const proxy = await startReferenceProxy({ ...preloaded, endpoint: group.endpoints[0] ?? "" });
    const answer = await proxy.post("/predict", recordedCall);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      status_code: 200,
      result: {
        model_name: "BERT-BASED",
        model_version: "1",
        outputs: [
          {
            name: "logits",
            datatype: "FP32",
            shape: [1, 2],
            data: expectedLogits("BERT-BASED", "1", [inputIds]),
          },
        ],
      },
    });
  });

  it("finds a server by its type, and leaves the version to the engine where none is named", async () => {
    const engine = await startExplicitEngine(new Set(["BERT-BASED"]));
    const proxy = await startReferenceProxy({ ...preloaded, endpoint: engine.url });
    const { model_name, payload } = recordedCall;
    const byType = { inference_server_type: preloaded.inference_server_type, model_name, payload };
    expect((await proxy.post("/predict", byType)).status).toBe(200);
    expect((await proxy.post("/predict", recordedCall)).status).toBe(200);
    expect(engine.received.map(({ url }) => url)).toEqual([
      "/v2/models/BERT-BASED/infer",
      "/v2/models/BERT-BASED/versions/1/infer",
    ]);
    expect(JSON.parse(engine.received[0]?.body.toString() ?? "")).toEqual(payload);
  });

  it("hands on what the engine says of a model that it does not have", async () => {
    const engine = await startExplicitEngine();
    const proxy = await startReferenceProxy({ ...preloaded, endpoint: engine.url });
    const answer = await proxy.post("/predict", recordedCall);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({
      status_code: 404,
      result: { error: "Request for unknown model" },
    });
    const unknown = await proxy.post("/predict", { ...recordedCall, inference_server_name: "unknown" });
    expect(await unknown.json()).toMatchObject({ status_code: 404, error: { code: "SERVER_UNKNOWN" } });
  });

  it("loads a model on demand, once, before its first request", async () => {
    const engine = await startExplicitEngine();
    const proxy = await startReferenceProxy(preloaded, { ...onDemand, endpoint: engine.url });
    const call = { ...recordedCall, inference_server_name: onDemand.service };
    const answers = await Promise.all([1, 2, 3].map(() => proxy.post("/predict", call)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const urls = engine.received.map(({ url }) => url);
    expect(urls[0]).toBe("/v2/repository/models/BERT-BASED/load");
    expect(urls.filter((url) => url.endsWith("/load"))).toHaveLength(1);
    expect(urls.filter((url) => url === "/v2/models/BERT-BASED/versions/1/infer")).toHaveLength(3);
  });

  it.each([
    ["..", []],
    [".", []],
    ["a/../../../repository/models/x/load?", ["a%2F..%2F..%2F..%2Frepository%2Fmodels%2Fx%2Fload%3F"]],
  ])(
    "never lets the name of a model, %j, lead to another path of the engine",
    async (model_name, segments) => {
      const engine = await startNamedEngine("triton");
      const proxy = await startReferenceProxy({ ...preloaded, endpoint: engine.url });
      const answer = await proxy.post("/predict", { ...recordedCall, model_name });
      expect(answer.status).toBe(segments.length === 0 ? 400 : 200);
      expect(engine.received.map(({ url }) => url)).toEqual(
        segments.map((segment) => `/v2/models/${segment}/versions/1/infer`),
      );
    },
  );

  it("shows all models as one in the metrics, so that callers cannot make series", async () => {
    const engine = await startNamedEngine("triton");
    const proxy = await startReferenceProxy({ ...preloaded, endpoint: engine.url });
    for (const model_name of ["a", "b", "c"]) await proxy.post("/predict", { ...recordedCall, model_name });
    const labels = `server="${preloaded.service}",model="*",version="*",service_class="default"`;
    expect(await proxy.metric(`inference_requests_total{${labels},status="200"}`)).toBe(3);
  });

  it("follows the file: to another endpoint, and to a routing table", async () => {
    const [first, second] = [await startNamedEngine("first"), await startNamedEngine("second")];
    const proxy = await startReferenceProxy({ ...preloaded, endpoint: first.url });
    const answering = async () =>
      ((await (await proxy.post("/predict", recordedCall)).json()) as { result?: { engine: string } }).result
        ?.engine;
    expect(await answering()).toBe("first");
    await replaceFile(proxy.routesFile, JSON.stringify([{ ...preloaded, endpoint: second.url }]));
    await until(async () => (await answering()) === "second");
    await replaceFile(proxy.routesFile, JSON.stringify([preloaded, preloaded]));
    await until(() => proxy.logged.some(({ msg }) => String(msg).includes("the last good one stays")));
    expect(await answering()).toBe("second");
    const servers = parseRoutes(JSON.stringify([{ ...preloaded, endpoint: first.url }]), "routes").servers;
    const routes = { apiVersion: "domino-inference/v1", kind: "RoutingTable", servers };
    await replaceFile(proxy.routesFile, JSON.stringify(routes));
    await until(async () => (await answering()) === "first");
  });
});

describe("what the reference's client in a Model API asks for", () => {
  it("is the health of the proxy, a JSON string, without a credential", async () => {
    const proxy = await startTestProxy([] as unknown as LoadedRoutingTable, {
      auth: { kind: "credentials", domino: { hostUrl: "http://127.0.0.1:1" } },
    });
    const answer = await fetch(`${proxy.url}/healthz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toBe("{'status': 'Healthy'}");
  });

  it.each([
    ["1", "/v2/models/BERT-BASED/versions/1/infer"],
    ["latest", "/v2/models/BERT-BASED/infer"],
  ])(
    "is version %s of a model by Domino's path, at the server that a header names",
    async (version, path) => {
      const engine = await startExplicitEngine(new Set(["BERT-BASED"]));
      const proxy = await startReferenceProxy({ ...preloaded, endpoint: engine.url });
      const answer = await proxy.post(
        `/models/BERT-BASED/${version}/model`,
        { data: recordedCall.payload },
        { "x-inference-server": preloaded.service },
      );
      expect(await answer.json()).toEqual({
        status_code: 200,
        result: { model_name: "BERT-BASED", outputs: [] },
      });
      expect(engine.received.map(({ url }) => url)).toEqual([path]);
      expect(JSON.parse(engine.received[0]?.body.toString() ?? "")).toEqual(recordedCall.payload);
    },
  );
});
