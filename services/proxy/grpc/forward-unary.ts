import type { ClientUnaryCall, handleUnaryCall, ServerUnaryCall } from "@grpc/grpc-js";
import { ProxyFailure } from "../proxy-failure.ts";
import { answerMetadata } from "./answer-metadata.ts";
import { asFailure, type CallGate } from "./call-gate.ts";
import type { GrpcRoute } from "./grpc-services.ts";
import { EngineStatus, failureOfEngine, statusOf } from "./grpc-status.ts";
import type { IncomingCall } from "./incoming-call.ts";
import { ModelCall, outcomeOf } from "./model-call.ts";
import { readModelRequestFields, withModelVersion } from "./model-request-fields.ts";
import { methods, type BytesMethod } from "./open-inference-service.ts";
import type { UpstreamClient, UpstreamClients } from "./upstream-client.ts";
import { upstreamMetadata } from "./upstream-metadata.ts";

/** `ModelReadyResponse` of a model that is not there, as Triton answers it: clients raise an error at any status. */
const notReady = Buffer.alloc(0);

type UnaryCall = ServerUnaryCall<Buffer, Buffer>;

/** Handles the unary calls that go to an engine. */
export function unaryForwarder(
  clients: UpstreamClients,
  gate: CallGate,
  method: BytesMethod,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const incoming = gate.incoming(call.metadata);
    forward(clients, incoming, method, call).then(
      (answer) => callback(null, answer),
      (error: unknown) => {
        const failure = asCallFailure(error);
        if (method === methods.ModelReady && isNotThere(failure)) {
          call.sendMetadata(answerMetadata(incoming));
          return callback(null, notReady);
        }
        if (failure instanceof ProxyFailure) incoming.failure ??= failure;
        callback(statusOf(failure, incoming.requestId));
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
  clients: UpstreamClients,
  incoming: IncomingCall,
  method: BytesMethod,
  call: UnaryCall,
): Promise<Buffer> {
  const fields = readModelRequestFields(call.request);
  const modelCall = await ModelCall.begin(clients, incoming, fields);
  const { route } = modelCall;
  const message = withModelVersion(call.request, fields, route.version);
  try {
    const answer = await sendOrRepeat(modelCall, new Attempt(incoming, method, call, message, route));
    modelCall.release("answered");
    incoming.firstAnswerAtMs = performance.now();
    incoming.answerBytes = answer.length;
    call.sendMetadata(answerMetadata(incoming, route));
    return answer;
  } catch (error) {
    modelCall.release(outcomeOf(asCallFailure(error), incoming, route));
    throw error;
  }
}

/** Where an engine dies before it has begun its answer, another one is asked, unless the model keeps a state. */
async function sendOrRepeat(modelCall: ModelCall, attempt: Attempt): Promise<Buffer> {
  for (;;) {
    try {
      return await attempt.send(modelCall.client);
    } catch (error) {
      const broken = error instanceof ProxyFailure && error.code === "ENGINE_FAILED";
      if (!broken || attempt.answered || modelCall.route.model.stateful === true) throw error;
      if (!(await modelCall.moveOn())) throw error;
    }
  }
}

/** One message on its way to an engine, or to one after the other. */
class Attempt {
  /** An engine has begun to answer. */
  answered = false;
  readonly #incoming: IncomingCall;
  readonly #method: BytesMethod;
  readonly #call: UnaryCall;
  readonly #message: Buffer;
  readonly #route: GrpcRoute;
  #upstream: ClientUnaryCall | undefined;

  constructor(
    incoming: IncomingCall,
    method: BytesMethod,
    call: UnaryCall,
    message: Buffer,
    route: GrpcRoute,
  ) {
    this.#incoming = incoming;
    this.#method = method;
    this.#call = call;
    this.#message = message;
    this.#route = route;
    call.on("cancelled", () => this.#upstream?.cancel());
  }

  send(client: UpstreamClient): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const incoming = this.#incoming;
      const metadata = upstreamMetadata(incoming);
      const passedMs = performance.now() - incoming.arrivedAtMs;
      const overdueAt = Date.now() + this.#route.target.timeoutMs - passedMs;
      const deadline = Math.min(Number(this.#call.getDeadline()), overdueAt);
      const upstream = client.unary(this.#method, this.#message, metadata, deadline, (error, answer) => {
        if (answer) resolve(answer);
        else if (incoming.ended) reject(new ProxyFailure("CLIENT_CLOSED"));
        else reject(error ? failureOfEngine(error) : new ProxyFailure("ENGINE_ANSWER_INVALID"));
      });
      upstream.on("metadata", () => {
        this.answered = true;
      });
      this.#upstream = upstream;
      if (this.#call.cancelled) upstream.cancel();
    });
  }
}

function asCallFailure(error: unknown): ProxyFailure | EngineStatus {
  return error instanceof EngineStatus ? error : asFailure(error);
}
