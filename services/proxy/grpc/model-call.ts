import { Metadata } from "@grpc/grpc-js";
import { ProxyFailure } from "../proxy-failure.ts";
import type { EndpointLease, EndpointOutcome, GrpcRoute, GrpcServices, Permit } from "./grpc-services.ts";
import { EngineStatus } from "./grpc-status.ts";
import type { IncomingCall } from "./incoming-call.ts";
import type { ModelRequestFields } from "./model-request-fields.ts";
import type { UpstreamClient, UpstreamClients } from "./upstream-client.ts";

/** What forwarding works with. */
export interface Forwarding {
  readonly services: GrpcServices;
  readonly clients: UpstreamClients;
}

/** Endpoints that a call tries. Only one that could not be connected to is followed by another: nothing was sent. */
const maxEndpoints = 2;

/** A call on its way to an engine. Has to be released. */
export interface ModelCall {
  readonly route: GrpcRoute;
  readonly client: UpstreamClient;
  release(outcome: EndpointOutcome): void;
}

/** Routes, admits and connects a call. Throws a `ProxyFailure`; everything taken until then is given back. */
export async function beginModelCall(
  { services, clients }: Forwarding,
  incoming: IncomingCall,
  fields: ModelRequestFields,
): Promise<ModelCall> {
  const route = routeOf(services, incoming, fields);
  incoming.route = route;
  const { grpcPort } = route.target;
  if (grpcPort === undefined) throw new ProxyFailure("NO_ENDPOINT", "The model's engine takes no gRPC.");
  const deadlineMs = incoming.arrivedAtMs + route.target.timeoutMs;
  const permit = await services.admit(route, incoming.principal, deadlineMs);
  try {
    const { lease, client } = await connect({ services, clients }, incoming, route, grpcPort, deadlineMs);
    return { route, client, release: once(lease, permit) };
  } catch (failure) {
    permit.release();
    throw failure;
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

/** Metadata of an answer: who gave it. */
export function answerMetadata(incoming: IncomingCall, route: GrpcRoute): Metadata {
  const metadata = new Metadata();
  metadata.set("x-request-id", incoming.id);
  metadata.set("x-inference-server", route.server.name);
  if (route.version) metadata.set("x-model-version", route.version);
  return metadata;
}

function routeOf(services: GrpcServices, incoming: IncomingCall, fields: ModelRequestFields): GrpcRoute {
  const headerVersion = incoming.header("x-model-version");
  if (fields.version !== undefined && headerVersion !== undefined && fields.version !== headerVersion) {
    throw new ProxyFailure(
      "REQUEST_INVALID",
      `The version of the message and the metadata "x-model-version" disagree.`,
    );
  }
  return services.route(
    {
      protocol: "open-inference-v2",
      modelName: fields.modelName,
      version: fields.version ?? headerVersion,
      serverName: incoming.header("x-inference-server"),
      serviceClass: incoming.header("x-service-class"),
      dataPlane: incoming.header("x-data-plane"),
    },
    incoming.principal,
  );
}

async function connect(
  { services, clients }: Forwarding,
  incoming: IncomingCall,
  route: GrpcRoute,
  grpcPort: number,
  deadlineMs: number,
): Promise<{ lease: EndpointLease; client: UpstreamClient }> {
  const tried = new Set<string>();
  while (tried.size < maxEndpoints) {
    const lease = await services.choose(route, tried, deadlineMs);
    if (!lease) break;
    tried.add(lease.url);
    const client = clients.get(lease.url, grpcPort);
    const connected = await client.connected(deadlineMs);
    if (incoming.ended) {
      lease.release("cancelled");
      throw new ProxyFailure("CLIENT_CLOSED");
    }
    if (connected) return { lease, client };
    lease.release("unreachable");
  }
  throw new ProxyFailure(tried.size > 0 ? "ENGINE_UNREACHABLE" : "NO_ENDPOINT");
}

function once(lease: EndpointLease, permit: Permit): (outcome: EndpointOutcome) => void {
  let released = false;
  return (outcome) => {
    if (released) return;
    released = true;
    lease.release(outcome);
    permit.release();
  };
}
