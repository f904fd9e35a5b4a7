import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { routesTo, startProtected, startProxied, type RunningProxied } from "./proxied.ts";
import { inputIds, tabularModels, tabularVersions } from "./tabular-models.ts";
import { askByTritonClient, type TritonClientAnswers } from "./triton-client.ts";
import { startTriton, type RunningTriton } from "./triton.ts";

const logits = expectedLogits("bert-base", "3", [inputIds]);
const newestLogits = expectedLogits("bert-base", "10", [inputIds]);
const answered = { model: "bert-base", version: "3", id: "", logits };

/** What the proxy answers by itself, in its own words. */
const ownAnswers = [
  "server",
  "load",
  "metadata of an unknown version",
  "unknown model",
  "unknown version",
] as const;

const ready = {
  live: true,
  ready: true,
  "model ready": true,
  "unknown ready": false,
  config: "bert-base",
  index: [
    ["bert-base", "10", "READY"],
    ["bert-base", "3", "READY"],
    ["resnet-50", "1", "READY"],
  ],
};

const results = {
  http: {
    ...ready,
    binary: { ...answered, id: "r-1" },
    json: { ...answered, id: "r-1" },
    "binary in, json out": answered,
    "json in, binary out": answered,
    gzip: answered,
    deflate: answered,
    "newest version": { ...answered, version: "10", logits: newestLogits },
    together: Array.from({ length: 20 }, () => newestLogits),
    asyncio: answered,
  },
  grpc: {
    ...ready,
    binary: { ...answered, id: "r-1" },
    gzip: answered,
    "newest version": { ...answered, version: "10", logits: newestLogits },
    together: Array.from({ length: 20 }, () => newestLogits),
    stream: Array.from({ length: 20 }, () => logits),
  },
} as const;

const notFound = { http: "404", grpc: "StatusCode.NOT_FOUND" } as const;

suite("NVIDIA's client", [serverNeed("triton"), serverNeed("triton-client")], () => {
  const token = "a-token-of-a-batch-job-0123456789";
  let triton: RunningTriton;
  let proxy: RunningProxied;
  let closed: RunningProxied;
  beforeAll(async () => {
    triton = await startTriton({ models: tabularModels, loading: "preload" });
    const { url, grpcPort } = triton;
    const named = { name: "tabular", type: "triton", protocol: "open-inference-v2" } as const;
    const server = routesTo({ ...named, models: tabularVersions, endpoints: [url], grpcPort });
    proxy = await startProxied(server);
    closed = await startProtected(token, server);
  });
  afterAll(async () => {
    await closed?.stop();
    await proxy?.stop();
    await triton?.stop();
  });

  const addressOf = (transport: "http" | "grpc", of: RunningProxied) =>
    transport === "http" ? new URL(of.url).host : of.grpcAddress;

  describe.each(["http", "grpc"] as const)("over %s", (transport) => {
    let direct: TritonClientAnswers;
    let proxied: TritonClientAnswers;
    beforeAll(async () => {
      const tritonAddress = `127.0.0.1:${triton.grpcPort}`;
      direct = await askByTritonClient(
        transport,
        transport === "http" ? new URL(triton.url).host : tritonAddress,
      );
      proxied = await askByTritonClient(transport, addressOf(transport, proxy));
    });

    test("gets exact answers to every kind of call from Triton itself", () => {
      expect(direct).toMatchObject(results[transport]);
    });

    test("gets the same behind the proxy, in all but what the proxy answers by itself", () => {
      expect(without(proxied, ownAnswers)).toEqual(without(direct, ownAnswers));
    });

    test("is told by the proxy of models and versions that there are not, as by Triton", () => {
      for (const call of ["metadata of an unknown version", "unknown model", "unknown version"]) {
        for (const answers of [direct, proxied]) {
          expect(answers[call]).toEqual({
            error: expect.stringMatching(/\S/) as string,
            status: notFound[transport],
          });
        }
      }
    });

    test("reads who the server is, with what the protocol asks for", () => {
      expect(proxied["server"]).toEqual({
        name: "domino-inference-proxy",
        version: expect.stringMatching(/\S/) as string,
        extensions: expect.arrayContaining(["binary_tensor_data"]) as string[],
      });
    });

    test("cannot load models by the proxy, which does so by itself", () => {
      const status = { http: "404", grpc: "StatusCode.UNIMPLEMENTED" }[transport];
      expect(proxied["load"]).toMatchObject({ status });
    });

    test("is let in with its token alone", async () => {
      const address = addressOf(transport, closed);
      const [known, stranger] = await Promise.all([
        askByTritonClient(transport, address, token),
        askByTritonClient(transport, address, "a-token-that-nobody-has-0123456789"),
      ]);
      expect(known).toEqual(proxied);
      const status = { http: "401", grpc: "StatusCode.UNAUTHENTICATED" }[transport];
      for (const call of ["binary", "metadata", "index", "gzip", "together"]) {
        expect(stranger[call]).toMatchObject({ status });
      }
      // Probes come without a credential.
      expect(stranger).toMatchObject({ live: true, ready: true });
    });
  });
});

function without(answers: TritonClientAnswers, calls: readonly string[]): TritonClientAnswers {
  return Object.fromEntries(Object.entries(answers).filter(([call]) => !calls.includes(call)));
}
