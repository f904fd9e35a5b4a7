import type { handleUnaryCall } from "@grpc/grpc-js";
import { answerMetadata } from "./answer-metadata.ts";
import type { CallGate } from "./call-gate.ts";
import { asFailure } from "./call-gate.ts";
import type { GrpcServices, ModelState, ServedCall } from "./grpc-services.ts";
import { statusOf } from "./grpc-status.ts";
import { FieldReader, lengthDelimitedField, varintField, WireFormatError, wireTypes } from "./wire-format.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { serverIdentity } from "../server-identity.ts";

type UnaryHandler = handleUnaryCall<Buffer, Buffer>;

/** `ServerLiveResponse` and `ServerReadyResponse`: one boolean; false is protobuf's default and is left out. */
function yesOrNo(yes: boolean): Buffer {
  return yes ? varintField(1, 1) : Buffer.alloc(0);
}

export function serverLive(): UnaryHandler {
  return (_call, callback) => callback(null, yesOrNo(true));
}

export function serverReady(services: GrpcServices): UnaryHandler {
  return (_call, callback) => callback(null, yesOrNo(services.ready()));
}

/** `grpc.health.v1.HealthCheckResponse`: 1 is SERVING, 2 is NOT_SERVING. */
export function healthCheck(services: GrpcServices): UnaryHandler {
  return (_call, callback) => callback(null, varintField(1, services.ready() ? 1 : 2));
}

/** `ServerMetadataResponse` of the proxy itself, which stands for all engines: name, version, extensions. */
export function serverMetadata(gate: CallGate): UnaryHandler {
  const answer = Buffer.concat([
    lengthDelimitedField(1, serverIdentity.name),
    lengthDelimitedField(2, serverIdentity.version),
    lengthDelimitedField(3, "model_repository"),
    lengthDelimitedField(3, "binary_tensor_data"),
  ]);
  return (call, callback) => {
    call.sendMetadata(answerMetadata(gate.incoming(call.metadata)));
    callback(null, answer);
  };
}

/** `RepositoryIndex` over all engines. */
export function repositoryIndex(gate: CallGate): UnaryHandler {
  return (call, callback) => {
    const incoming = gate.incoming(call.metadata);
    listModels(incoming.served, call.request).then(
      (answer) => {
        call.sendMetadata(answerMetadata(incoming));
        callback(null, answer);
      },
      (error: unknown) => {
        incoming.failure = asFailure(error);
        callback(statusOf(incoming.failure, incoming.requestId));
      },
    );
  };
}

async function listModels(served: ServedCall, request: Buffer): Promise<Buffer> {
  const readyOnly = asksForReadyOnly(request);
  const models = await served.models();
  return Buffer.concat(
    models
      .filter(({ state }) => !readyOnly || state === "READY")
      .map((model) => lengthDelimitedField(1, modelIndex(model))),
  );
}

/** `RepositoryIndexResponse.ModelIndex`. */
function modelIndex({ name, version, state }: ModelState): Buffer {
  return Buffer.concat([
    lengthDelimitedField(1, name),
    lengthDelimitedField(2, version),
    lengthDelimitedField(3, state),
  ]);
}

/** `ready` of `RepositoryIndexRequest`; its other field names a repository, of which the proxy knows none. */
function asksForReadyOnly(request: Buffer): boolean {
  let ready = false;
  const reader = new FieldReader(request);
  try {
    while (reader.next()) {
      if (reader.number !== 2 || reader.wireType !== wireTypes.varint) continue;
      ready = request.subarray(reader.start, reader.end).some((byte) => (byte & 0x7f) !== 0);
    }
  } catch (error) {
    if (!(error instanceof WireFormatError)) throw error;
    throw new ProxyFailure("REQUEST_INVALID", `The message is not valid protobuf: ${error.message}.`);
  }
  return ready;
}
