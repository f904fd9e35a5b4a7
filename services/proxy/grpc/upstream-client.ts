import { createSecureContext } from "node:tls";
import {
  Client,
  connectivityState,
  credentials,
  type ChannelOptions,
  type ClientDuplexStream,
  type ClientUnaryCall,
  type Metadata,
  type requestCallback,
} from "@grpc/grpc-js";
import { readEndpointUrl } from "../upstream/endpoint-url.ts";
import { passedAsBytes, type BytesMethod } from "./open-inference-service.ts";

/** Connecting within a cluster takes milliseconds. */
const connectTimeoutMs = 2_000;

const { requestSerialize, responseDeserialize } = passedAsBytes;

/** The connection to one engine's gRPC port. HTTP/2 carries all calls to it side by side. */
export class UpstreamClient {
  readonly #client: Client;

  /** @param endpoint URL of the engine for HTTP, of which the host is taken, and the name that it was found for */
  constructor(endpoint: string, grpcPort: number, maxMessageBytes: number) {
    const { host, tls, name } = readEndpointUrl(endpoint).address;
    this.#client = new Client(
      `dns:${host.includes(":") ? `[${host}]` : host}:${grpcPort}`,
      // The authorities of HTTP; the library's own way to a context may have others, from its environment.
      tls ? credentials.createFromSecureContext(createSecureContext()) : credentials.createInsecure(),
      {
        ...channelOptions(maxMessageBytes),
        ...(name !== undefined && {
          "grpc.ssl_target_name_override": name,
          "grpc.default_authority": `${name}:${grpcPort}`,
        }),
      },
    );
  }

  /** Whether there is a connection, made now if need be. When there is none, nothing has been sent. */
  connected(deadlineMs: number): boolean | Promise<boolean> {
    const channel = this.#client.getChannel();
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return true;
    if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) return false;
    const leftMs = Math.min(connectTimeoutMs, deadlineMs - performance.now());
    const untilEpochMs = Date.now() + leftMs;
    return new Promise((resolve) => {
      const watch = (from: connectivityState): void => {
        channel.watchConnectivityState(from, untilEpochMs, (late) => {
          const now = late ? connectivityState.SHUTDOWN : channel.getConnectivityState(true);
          if (now === connectivityState.READY) resolve(true);
          else if (now === connectivityState.CONNECTING || now === connectivityState.IDLE) watch(now);
          else resolve(false);
        });
      };
      watch(state);
    });
  }

  /** @param deadlineEpochMs on the clock of `Date.now()` */
  unary(
    method: BytesMethod,
    message: Buffer,
    metadata: Metadata,
    deadlineEpochMs: number,
    done: requestCallback<Buffer>,
  ): ClientUnaryCall {
    const options = { deadline: deadlineEpochMs };
    const { path } = method;
    return this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      metadata,
      options,
      done,
    );
  }

  /** @param deadlineEpochMs on the clock of `Date.now()`; Infinity for none */
  stream(
    method: BytesMethod,
    metadata: Metadata,
    deadlineEpochMs: number,
  ): ClientDuplexStream<Buffer, Buffer> {
    const options = { deadline: deadlineEpochMs };
    return this.#client.makeBidiStreamRequest(
      method.path,
      requestSerialize,
      responseDeserialize,
      metadata,
      options,
    );
  }

  /** Calls in flight go on to their end. */
  close(): void {
    this.#client.close();
  }
}

/** The connections in use, one for each endpoint. */
export class UpstreamClients {
  readonly #byEndpoint = new Map<string, Map<number, UpstreamClient>>();
  readonly #maxMessageBytes: number;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  get(endpoint: string, grpcPort: number): UpstreamClient {
    let clients = this.#byEndpoint.get(endpoint);
    if (!clients) this.#byEndpoint.set(endpoint, (clients = new Map<number, UpstreamClient>()));
    let client = clients.get(grpcPort);
    if (!client)
      clients.set(grpcPort, (client = new UpstreamClient(endpoint, grpcPort, this.#maxMessageBytes)));
    return client;
  }

  /** Closes the connections to endpoints that no route leads to any more. */
  retain(endpoints: ReadonlySet<string>): void {
    for (const [endpoint, clients] of this.#byEndpoint) {
      if (endpoints.has(endpoint)) continue;
      this.#byEndpoint.delete(endpoint);
      for (const client of clients.values()) client.close();
    }
  }
}

function channelOptions(maxMessageBytes: number): ChannelOptions {
  return {
    // Limited where it arrived; the version that is put in may make it longer.
    "grpc.max_send_message_length": -1,
    "grpc.max_receive_message_length": maxMessageBytes,
    // A dead engine is noticed within 30 s; engines refuse pings that come more often than they like.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 0,
    // The defaults wait up to two minutes for an engine that has restarted.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    // Calls stay within the cluster, whatever the environment's proxy is.
    "grpc.enable_http_proxy": 0,
    // Name servers must not set retry policies; what the library repeats by itself never reached the engine.
    "grpc.service_config_disable_resolution": 1,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_channelz": 0,
  };
}
