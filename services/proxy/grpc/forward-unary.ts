import type { handleUnaryCall, ServerUnaryCall } from "@grpc/grpc-js";
import { ProxyFailure } from "../proxy-failure.ts";
import { asFailure, type CallGate } from "./call-gate.ts";
import { EngineStatus, failureOfEngine, statusOf } from "./grpc-status.ts";
import type { IncomingCall } from "./incoming-call.ts";
import { answerMetadata, beginModelCall, outcomeOf, type Forwarding, type ModelCall } from "./model-call.ts";
import { readModelRequestFields, withModelVersion } from "./model-request-fields.ts";
import { methods, type BytesMethod } from "./open-inference-service.ts";
import { upstreamMetadata } from "./upstream-metadata.ts";

/** `ModelReadyResponse` of a model that is not there, as Triton answers it: clients raise an error at any status. */
const notReady = Buffer.alloc(0);

type UnaryCall = ServerUnaryCall<Buffer, Buffer>;

/** Handles the unary calls that go to an engine. */
export function unaryForwarder(
  forwarding: Forwarding,
  gate: CallGate,
  method: BytesMethod,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const incoming = gate.incoming(call.metadata);
    forward(forwarding, incoming, method, call).then(
      (answer) => callback(null, answer),
      (error: unknown) => {
        const failure = error instanceof EngineStatus ? error : asFailure(error);
        if (method === methods.ModelReady && isNotThere(failure)) return callback(null, notReady);
        if (failure instanceof ProxyFailure) incoming.failure ??= failure;
        callback(statusOf(failure));
      },
    );
  };
}

function isNotThere(failure: ProxyFailure | EngineStatus): boolean {
  return (
    failure instanceof ProxyFailure &&
    (failure.code === "MODEL_UNKNOWN" || failure.code === "VERSION_UNKNOWN")
  );
}

async function forward(
  forwarding: Forwarding,
  incoming: IncomingCall,
  method: BytesMethod,
  call: UnaryCall,
): Promise<Buffer> {
  const fields = readModelRequestFields(call.request);
  const modelCall = await beginModelCall(forwarding, incoming, fields);
  try {
    const message = withModelVersion(call.request, fields, modelCall.route.version);
    const answer = await send(modelCall, incoming, method, call, message);
    modelCall.release("answered");
    incoming.firstAnswerAtMs = performance.now();
    incoming.answerBytes = answer.length;
    call.sendMetadata(answerMetadata(incoming, modelCall.route));
    return answer;
  } catch (error) {
    const failure = error instanceof EngineStatus ? error : asFailure(error);
    modelCall.release(outcomeOf(failure, incoming, modelCall.route));
    throw error;
  }
}

function send(
  { client, route }: ModelCall,
  incoming: IncomingCall,
  method: BytesMethod,
  call: UnaryCall,
  message: Buffer,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const metadata = upstreamMetadata(call.metadata, incoming.id);
    const passedMs = performance.now() - incoming.arrivedAtMs;
    const deadline = Math.min(Number(call.getDeadline()), Date.now() + route.target.timeoutMs - passedMs);
    const upstream = client.unary(method, message, metadata, deadline, (error, answer) => {
      if (answer) resolve(answer);
      else if (incoming.ended) reject(new ProxyFailure("CLIENT_CLOSED"));
      else reject(error ? failureOfEngine(error) : new ProxyFailure("ENGINE_ANSWER_INVALID"));
    });
    call.on("cancelled", () => upstream.cancel());
    if (call.cancelled) upstream.cancel();
  });
}
