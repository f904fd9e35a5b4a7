import { ProxyFailure } from "../proxy-failure.ts";
import type { EndpointLease, EndpointOutcome, GrpcRoute } from "./grpc-services.ts";
import { EngineStatus } from "./grpc-status.ts";
import type { IncomingCall } from "./incoming-call.ts";
import type { ModelRequestFields } from "./model-request-fields.ts";
import type { UpstreamClient, UpstreamClients } from "./upstream-client.ts";

/** A call on its way to an engine. Has to be released. */
export class ModelCall {
  readonly route: GrpcRoute;
  readonly #incoming: IncomingCall;
  readonly #clients: UpstreamClients;
  readonly #grpcPort: number;
  readonly #deadlineMs: number;
  #lease: EndpointLease | undefined;
  #client: UpstreamClient | undefined;

  private constructor(
    clients: UpstreamClients,
    incoming: IncomingCall,
    route: GrpcRoute,
    grpcPort: number,
    deadlineMs: number,
  ) {
    this.#clients = clients;
    this.#incoming = incoming;
    this.route = route;
    this.#grpcPort = grpcPort;
    this.#deadlineMs = deadlineMs;
  }

  /** Routes, admits and connects a call. Throws a `ProxyFailure`; everything taken until then is given back. */
  static async begin(
    clients: UpstreamClients,
    incoming: IncomingCall,
    fields: ModelRequestFields,
  ): Promise<ModelCall> {
    const route = routeOf(incoming, fields);
    incoming.route = route;
    const { grpcPort, timeoutMs } = route.target;
    if (grpcPort === undefined) throw new ProxyFailure("NO_ENDPOINT", "The model's engine takes no gRPC.");
    const deadlineMs = Math.min(incoming.arrivedAtMs + timeoutMs, incoming.clientDeadlineMs);
    const turn = incoming.served.admit(deadlineMs);
    if (turn) await turn;
    const modelCall = new ModelCall(clients, incoming, route, grpcPort, deadlineMs);
    try {
      if (!(await modelCall.#connect())) throw new ProxyFailure("NO_ENDPOINT");
      return modelCall;
    } catch (failure) {
      modelCall.release("cancelled");
      throw failure;
    }
  }

  /** The connection to the endpoint that was chosen last. */
  get client(): UpstreamClient {
    if (!this.#client) throw new ProxyFailure("INTERNAL");
    return this.#client;
  }

  /** Goes on to another endpoint after this one broke the call off; false where there is none, or no time. */
  async moveOn(): Promise<boolean> {
    this.#settle("failed");
    if (this.#incoming.ended || performance.now() >= this.#deadlineMs) return false;
    return this.#connect();
  }

  /** The engine has done its part. */
  release(outcome: EndpointOutcome): void {
    this.#settle(outcome);
    this.#incoming.served.leave();
  }

  #settle(outcome: EndpointOutcome): void {
    this.#lease?.release(outcome);
    this.#lease = undefined;
  }

  /** False where no endpoint is left that was not tried. Throws a `ProxyFailure` where the ones that were are away. */
  async #connect(): Promise<boolean> {
    const { served } = this.#incoming;
    let unreachable = false;
    for (;;) {
      const lease = await served.choose(this.#deadlineMs);
      if (!lease && unreachable) throw new ProxyFailure("ENGINE_UNREACHABLE");
      if (!lease) return false;
      this.#lease = lease;
      const client = this.#clients.get(lease.url, this.#grpcPort);
      const connected = await client.connected(this.#deadlineMs);
      if (this.#incoming.ended) throw new ProxyFailure("CLIENT_CLOSED");
      if (connected) {
        this.#client = client;
        return true;
      }
      unreachable = true;
      this.#settle("unreachable");
    }
  }
}

/**
 * What a failure says about the endpoint. A client must not be able to give a healthy endpoint a bad name, so neither a
 * deadline of its own choice nor an answer that is too long for it counts against the engine.
 */
export function outcomeOf(
  failure: ProxyFailure | EngineStatus,
  incoming: IncomingCall,
  route: GrpcRoute,
): EndpointOutcome {
  if (failure instanceof EngineStatus || failure.code === "ENGINE_ANSWER_INVALID") return "answered";
  if (failure.code === "ENGINE_FAILED") return "failed";
  const overdue = performance.now() - incoming.arrivedAtMs >= route.target.timeoutMs;
  return failure.code === "DEADLINE_EXCEEDED" && overdue ? "failed" : "cancelled";
}

function routeOf(incoming: IncomingCall, fields: ModelRequestFields): GrpcRoute {
  const headerVersion = incoming.header("x-model-version");
  if (fields.version !== undefined && headerVersion !== undefined && fields.version !== headerVersion) {
    throw new ProxyFailure(
      "REQUEST_INVALID",
      `The version of the message and the metadata "x-model-version" disagree.`,
    );
  }
  return incoming.served.route({
    protocol: "open-inference-v2",
    modelName: fields.modelName,
    version: fields.version ?? headerVersion,
    serverName: incoming.header("x-inference-server"),
    serviceClass: incoming.header("x-service-class"),
    dataPlane: incoming.header("x-data-plane"),
  });
}
