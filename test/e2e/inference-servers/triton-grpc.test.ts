import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import type { RouteServer } from "../../../platform/routes/routing-table.ts";
import { FieldReader, lengthDelimitedField, varintField } from "../../../services/proxy/grpc/wire-format.ts";
import { startGrpc, type RunningGrpc } from "../../../services/proxy/grpc/start-grpc.ts";
import { PlainServices, TestClient, collected, grpcOptions } from "../../services/proxy/grpc/grpc-testbed.ts";
import { inferRequest } from "../../services/proxy/grpc/messages.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { inputIds, tabularModels, tabularRoutes } from "./tabular-models.ts";
import { startTriton, type RunningTriton } from "./triton.ts";

/** ModelInferRequest for the batch of two rows, its numbers as raw bytes. */
function inferInputIds(modelName: string, version?: string): Buffer {
  const raw = Buffer.from(BigInt64Array.from(inputIds.data.map(BigInt)).buffer);
  const tensor = Buffer.concat([
    lengthDelimitedField(1, inputIds.name),
    lengthDelimitedField(2, inputIds.datatype),
    ...inputIds.shape.map((dimension) => varintField(3, dimension)),
  ]);
  return Buffer.concat([
    inferRequest({ modelName, ...(version !== undefined && { version }), id: "r-1" }),
    lengthDelimitedField(5, tensor),
    lengthDelimitedField(7, raw),
  ]);
}

/** The values of a field of a message, in their order. */
function valuesOf(message: Buffer, field: number): Buffer[] {
  const reader = new FieldReader(message);
  const values: Buffer[] = [];
  while (reader.next()) if (reader.number === field) values.push(message.subarray(reader.start, reader.end));
  return values;
}

/** The numbers of ModelInferResponse's first output, field 6 of it. */
function logitsOf(response: Buffer): number[] {
  const raw = valuesOf(response, 6)[0] ?? Buffer.alloc(0);
  return Array.from({ length: raw.length / 4 }, (_, index) => raw.readFloatLE(index * 4));
}

/** What both Triton itself and the proxy before it must do. */
function contract(client: () => TestClient): void {
  test("is live and ready, and so is a model", async () => {
    for (const method of ["ServerLive", "ServerReady"]) {
      expect((await client().call(method, Buffer.alloc(0))).message).toEqual(varintField(1, 1));
    }
    const { message } = await client().call(
      "ModelReady",
      inferRequest({ modelName: "bert-base", version: "3" }),
    );
    expect(message).toEqual(varintField(1, 1));
  });

  test("describes a model by its name and its version", async () => {
    const asked = inferRequest({ modelName: "bert-base", version: "3" });
    const { message } = await client().call("ModelMetadata", asked);
    expect(valuesOf(message, 1).map(String)).toEqual(["bert-base"]);
    expect(valuesOf(message, 2).map(String)).toEqual(["3"]);
  });

  test.each(["3", "10"])("answers of version %s exactly", async (version) => {
    const { message, code } = await client().call("ModelInfer", inferInputIds("bert-base", version));
    expect(code).toBe(status.OK);
    expect(valuesOf(message, 2).map(String)).toEqual([version]);
    expect(valuesOf(message, 3).map(String)).toEqual(["r-1"]);
    expect(logitsOf(message)).toEqual(expectedLogits("bert-base", version, [inputIds]));
  });

  test("answers with the newest version where none is named", async () => {
    const { message } = await client().call("ModelInfer", inferInputIds("bert-base"));
    expect(valuesOf(message, 2).map(String)).toEqual(["10"]);
  });

  test("says what is wrong with a request that the model cannot take", async () => {
    const { code, details } = await client().call(
      "ModelInfer",
      inferRequest({ modelName: "bert-base", version: "3" }),
    );
    expect(code).toBe(status.INVALID_ARGUMENT);
    expect(details).toMatch(/expected 1 inputs but got 0/i);
  });

  test("answers the messages of a stream", async () => {
    const stream = client().stream();
    const ended = collected(stream);
    for (let count = 0; count < 20; count++) stream.write(inferInputIds("bert-base", "3"));
    stream.end();
    const { messages, code } = await ended;
    expect(code).toBe(status.OK);
    // ModelStreamInferResponse: an error's text in field 1, or the answer in field 2.
    const answers = messages.map((message) => logitsOf(valuesOf(message, 2)[0] ?? Buffer.alloc(0)));
    const expected = expectedLogits("bert-base", "3", [inputIds]);
    expect(answers).toEqual(Array.from({ length: 20 }, () => expected));
  });
}

suite("Triton over gRPC", [serverNeed("triton")], () => {
  let triton: RunningTriton;
  let proxy: RunningGrpc;
  let services: PlainServices;
  beforeAll(async () => {
    triton = await startTriton({ models: tabularModels, loading: "preload" });
    services = new PlainServices([withGrpc(tabularRoutes([triton.url]), triton.grpcPort)]);
    proxy = await startGrpc(grpcOptions(services));
  });
  afterAll(async () => {
    await proxy?.close();
    await triton?.stop();
  });

  describe("itself", () => {
    contract(() => new TestClient(triton.grpcPort));
  });
  describe("behind the proxy", () => {
    contract(() => new TestClient(proxy.port));

    test("that is killed in a call leaves the client a clear error and the proxy nothing", async () => {
      const client = new TestClient(proxy.port);
      const calls = Array.from({ length: 50 }, () =>
        client.call("ModelInfer", inferInputIds("bert-base", "3")),
      );
      const [answers] = await Promise.all([Promise.all(calls), process.kill(triton.pid, "SIGKILL")]);
      for (const { code, details } of answers) {
        expect([status.OK, status.UNAVAILABLE]).toContain(code);
        expect(details).not.toContain("127.0.0.1");
      }
      const after = await client.call("ModelInfer", inferInputIds("bert-base", "3"));
      expect(after.code).toBe(status.UNAVAILABLE);
      expect(services.openPermits).toBe(0);
    });
  });
});

function withGrpc(server: RouteServer, grpcPort: number): RouteServer {
  const models = server.models.map((model) => ({
    ...model,
    versions: model.versions.map((version) => ({
      ...version,
      targets: version.targets.map((target) => ({ ...target, grpcPort })),
    })),
  }));
  return { ...server, models };
}
