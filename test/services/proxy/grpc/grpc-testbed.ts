import {
  Client,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { pino } from "pino";
import type { RouteModel, RouteServer, RouteTarget } from "../../../../platform/routes/routing-table.ts";
import type {
  ArrivedCall,
  EndedCall,
  EndpointLease,
  EndpointOutcome,
  GrpcRoute,
  GrpcRouteQuery,
  GrpcServices,
  ModelState,
  ServedCall,
  TokenTimes,
} from "../../../../services/proxy/grpc/grpc-services.ts";
import { methods, type MethodName } from "../../../../services/proxy/grpc/open-inference-service.ts";
import { startGrpc, type GrpcOptions, type RunningGrpc } from "../../../../services/proxy/grpc/start-grpc.ts";
import { LatencyHistogram } from "../../../../services/proxy/measures/latency-histogram.ts";
import { resolveRoute } from "../../../../services/proxy/routing/resolve.ts";
import { indexRoutes } from "../../../../services/proxy/routing/routing-index.ts";
import { atEnd } from "./at-end.ts";
import type { FakeEngine } from "./fake-engine.ts";

interface CredentialHeaders {
  readonly authorization?: string | undefined;
  readonly "x-domino-api-key"?: string | undefined;
}

/** A call that has ended, with what was known of it before. */
export interface RecordedCall extends EndedCall {
  readonly requestId: string;
  readonly principal: unknown;
  readonly route: GrpcRoute | undefined;
}

/** The plain rest of a proxy: routes of a table, no limits, one endpoint after the other. */
export class PlainServices implements GrpcServices {
  readonly calls: RecordedCall[] = [];
  readonly outcomes: [url: string, outcome: EndpointOutcome][] = [];
  readonly asked: CredentialHeaders[] = [];
  openPermits = 0;
  draining = false;
  listed: readonly ModelState[] = [];
  authenticate: (headers: CredentialHeaders) => unknown = (headers) => {
    this.asked.push(headers);
    return { user: "ada" };
  };
  refuse: (route: GrpcRoute) => void = () => undefined;
  endpointsOf: (route: GrpcRoute) => readonly string[] = ({ target }) => (target as RouteTarget).endpoints;
  readonly servers: readonly RouteServer[];

  constructor(servers: readonly RouteServer[]) {
    this.servers = servers;
  }

  readonly begin = (call: ArrivedCall): ServedCall => new PlainCall(this, call);
  readonly ready = (): boolean => !this.draining;
}

class PlainCall implements ServedCall {
  readonly trace = undefined;
  readonly #services: PlainServices;
  readonly #call: ArrivedCall;
  readonly #tried = new Set<string>();
  #principal: unknown;
  #route: GrpcRoute | undefined;
  #inside = false;

  constructor(services: PlainServices, call: ArrivedCall) {
    this.#services = services;
    this.#call = call;
  }

  authenticate(): Promise<void> | undefined {
    const found = this.#services.authenticate({
      authorization: this.#call.header("authorization"),
      "x-domino-api-key": this.#call.header("x-domino-api-key"),
    });
    this.#principal = found;
    return found instanceof Promise ? found.then(() => undefined) : undefined;
  }

  route(query: GrpcRouteQuery): GrpcRoute {
    const table = {
      apiVersion: "domino-inference/v1",
      kind: "RoutingTable",
      servers: this.#services.servers,
    } as const;
    return (this.#route = resolveRoute(indexRoutes(table), query, () => 0));
  }

  tokenTimes(): TokenTimes {
    return { timeToFirstToken: new LatencyHistogram(), interTokenLatency: new LatencyHistogram() };
  }

  admit(): undefined {
    this.#services.refuse(this.#known());
    this.#services.openPermits++;
    this.#inside = true;
  }

  choose(): EndpointLease | undefined {
    const endpoints = this.#services.endpointsOf(this.#known());
    const url = endpoints.find((endpoint) => !this.#tried.has(endpoint));
    if (url === undefined) return undefined;
    this.#tried.add(url);
    return { url, release: (outcome) => void this.#services.outcomes.push([url, outcome]) };
  }

  leave(): void {
    if (this.#inside) this.#services.openPermits--;
    this.#inside = false;
  }

  models(): Promise<readonly ModelState[]> {
    return Promise.resolve(this.#services.listed);
  }

  ended(end: EndedCall): void {
    const { requestId } = this.#call;
    this.#services.calls.push({ ...end, requestId, principal: this.#principal, route: this.#route });
  }

  #known(): GrpcRoute {
    if (!this.#route) throw new Error("the call was not routed");
    return this.#route;
  }
}

export function serverOf(engines: readonly FakeEngine[], target: Partial<RouteTarget> = {}): RouteServer {
  const [port = 1] = engines.map((engine) => engine.port);
  const to = {
    group: "tabular",
    serviceClasses: ["Gold", "Free"],
    endpoints: engines.map((engine) => engine.url),
    grpcPort: port,
    timeoutMs: 20_000,
    ...target,
  };
  const model: RouteModel = {
    name: "bert",
    versions: [
      { version: "1", weight: 0, targets: [to] },
      { version: "2", weight: 100, targets: [to] },
    ],
  };
  return {
    name: "tabular",
    type: "triton",
    protocol: "open-inference-v2",
    loading: "preload",
    models: [model],
  };
}

/** On a free port of loopback, with little patience at the end. */
export function grpcOptions(services: GrpcServices): GrpcOptions {
  return {
    listen: { host: "127.0.0.1", port: 0 },
    services,
    log: pino({ level: "silent" }),
    maxMessageBytes: 1024 * 1024,
    drainTimeoutMs: () => 2_000,
  };
}

export async function startTestGrpc(
  services: GrpcServices,
  options: Partial<GrpcOptions> = {},
): Promise<RunningGrpc> {
  const running = await startGrpc({ ...grpcOptions(services), ...options });
  atEnd(() => running.close());
  return running;
}

export interface Answered {
  readonly code: number;
  readonly details: string;
  readonly message: Buffer;
  /** Metadata before the message, and after it. */
  readonly head: Metadata;
  readonly trailers: Metadata;
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** A client that sends and gets messages as bytes. */
export class TestClient {
  readonly #client: Client;

  constructor(port: number, tls: ChannelCredentials = credentials.createInsecure(), options = {}) {
    this.#client = new Client(`127.0.0.1:${port}`, tls, {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
    atEnd(() => this.#client.close());
  }

  call(name: MethodName | string, message: Buffer, options: CallOptions = {}): Promise<Answered> {
    const path = name in methods ? methods[name as MethodName].path : name;
    return new Promise((resolve) => {
      let head = new Metadata();
      let trailers = new Metadata();
      let result: { error: ServiceError | null; message: Buffer } | undefined;
      const call = this.#client.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
        message,
        metadataOf(options.headers),
        options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs },
        (error, answer) => {
          result = { error, message: answer ?? Buffer.alloc(0) };
        },
      );
      options.signal?.addEventListener("abort", () => call.cancel());
      call.on("metadata", (metadata) => (head = metadata));
      call.on("status", (status) => {
        trailers = status.metadata;
        setImmediate(() => {
          const { code, details } = status;
          resolve({ code, details, message: result?.message ?? Buffer.alloc(0), head, trailers });
        });
      });
    });
  }

  stream(options: CallOptions = {}): ClientDuplexStream<Buffer, Buffer> {
    return this.#client.makeBidiStreamRequest(
      methods.ModelStreamInfer.path,
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      metadataOf(options.headers),
      options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs },
    );
  }

  close(): void {
    this.#client.close();
  }
}

export function metadataOf(headers: CallOptions["headers"] = {}): Metadata {
  const metadata = new Metadata();
  for (const [name, values] of Object.entries(headers)) {
    for (const value of [values].flat()) metadata.add(name, value as string);
  }
  return metadata;
}

/** Everything that came on a stream, and its end. */
export function collected(
  stream: ClientDuplexStream<Buffer, Buffer>,
): Promise<{ messages: Buffer[]; code: number; details: string }> {
  const messages: Buffer[] = [];
  return new Promise((resolve) => {
    let ended: { code: number; details: string } | undefined;
    stream.on("data", (message: Buffer) => messages.push(message));
    stream.on("error", () => undefined);
    stream.on("status", ({ code, details }) => (ended = { code, details }));
    stream.on("end", () =>
      setImmediate(() => resolve({ messages, ...(ended ?? { code: -1, details: "" }) })),
    );
  });
}

/** Waits until something holds, a few seconds at most. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let left = 500; left > 0 && !holds(); left--) await new Promise((resolve) => setTimeout(resolve, 10));
  if (!holds()) throw new Error("it did not come to hold");
}
