import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { KubernetesAccess } from "../../../../services/proxy/discovery/kubernetes-access.ts";
import { selfSigned } from "../self-signed.ts";

interface NamedObject {
  readonly metadata: { readonly name: string };
}

interface Watch {
  readonly response: ServerResponse;
  readonly resourceVersion: string;
}

const token = "token-of-the-pod";

/** As much of the API server as following slices takes: lists, watches and single Services, over TLS with a token. */
export class FakeApiServer {
  readonly slices = new Map<string, NamedObject>();
  readonly services = new Map<string, NamedObject>();
  /** Paths with their queries, in order. */
  readonly requests: string[] = [];
  readonly watches: Watch[] = [];
  /** Answers requests for which it gives a status with that. */
  refuse: (path: string) => number | undefined = () => undefined;
  resourceVersion = 100;
  readonly #server: Server;
  readonly #certificate: string;

  private constructor(server: Server, certificate: string) {
    this.#server = server;
    this.#certificate = certificate;
    server.on("request", (request, response) => this.#answer(request, response));
  }

  static async start(): Promise<FakeApiServer> {
    const { certificate, key } = selfSigned("localhost");
    const server = createServer({ cert: certificate, key });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new FakeApiServer(server, certificate);
  }

  get access(): KubernetesAccess {
    return {
      server: `https://localhost:${(this.#server.address() as AddressInfo).port}`,
      certificateAuthority: async () => this.#certificate,
      token: async () => token,
    };
  }

  get openWatches(): readonly Watch[] {
    return this.watches.filter(({ response }) => !response.destroyed && !response.writableEnded);
  }

  /** Stores a slice and tells the watches. */
  put(slice: NamedObject): void {
    const type = this.slices.has(slice.metadata.name) ? "MODIFIED" : "ADDED";
    this.slices.set(slice.metadata.name, slice);
    this.send(type, slice);
  }

  remove(name: string): void {
    const slice = this.slices.get(name);
    this.slices.delete(name);
    if (slice) this.send("DELETED", slice);
  }

  send(type: string, object: NamedObject): void {
    const resourceVersion = String(++this.resourceVersion);
    const event = { type, object: { ...object, metadata: { ...object.metadata, resourceVersion } } };
    for (const { response } of this.openWatches) response.write(`${JSON.stringify(event)}\n`);
  }

  cutConnections(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    this.requests.push(path);
    const url = new URL(path, "https://localhost");
    const service = /\/services\/([^/]+)$/.exec(url.pathname)?.[1];
    const status =
      request.headers.authorization === `Bearer ${token}`
        ? (this.refuse(path) ?? (service === undefined || this.services.has(service) ? 200 : 404))
        : 401;
    response.statusCode = status;
    if (status !== 200) response.end("{}");
    else if (service !== undefined) response.end(JSON.stringify(this.services.get(service)));
    else if (url.searchParams.get("watch") === "true") {
      response.flushHeaders();
      this.watches.push({ response, resourceVersion: url.searchParams.get("resourceVersion") ?? "" });
    } else {
      const metadata = { resourceVersion: String(this.resourceVersion) };
      response.end(JSON.stringify({ metadata, items: [...this.slices.values()] }));
    }
  }
}
