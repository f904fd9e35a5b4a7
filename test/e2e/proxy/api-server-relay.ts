import { createServer, request, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { selfSigned } from "../../services/proxy/self-signed.ts";

/** The API server behind a name and certificate of its own, where a test can cut connections and exchange the API server. */
export class ApiServerRelay {
  readonly certificate: string;
  /** Paths with their queries, in order, as clients sent them. */
  readonly paths: string[] = [];
  /** Base URL of the API server that new requests go to. */
  upstream: string;
  /** How often the API server said that a resource version is too old. */
  expiries = 0;
  /** While it is not reached, connections are refused as by a server that is down. */
  isReachable = true;
  readonly #server: Server;

  private constructor(server: Server, certificate: string, upstream: string, certificateAuthority: string) {
    this.#server = server;
    this.upstream = upstream;
    this.certificate = certificate;
    server.on("connection", (socket) => {
      if (!this.isReachable) socket.destroy();
    });
    server.on("request", (incoming, response) => {
      const path = incoming.url ?? "";
      this.paths.push(path);
      const { host: _, ...headers } = incoming.headers;
      const outgoing = request(
        new URL(path, this.upstream),
        { agent: false, ca: certificateAuthority, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          // The head of a watch goes out before its first event.
          response.flushHeaders();
          answer.on("error", () => response.destroy());
          answer.on("data", (chunk: Buffer) => {
            if (chunk.includes('"code":410')) this.expiries++;
          });
          answer.pipe(response);
        },
      );
      outgoing.on("error", () => response.destroy());
      response.on("close", () => outgoing.destroy());
      outgoing.end();
    });
  }

  static async start(upstream: string, certificateAuthority: string): Promise<ApiServerRelay> {
    const { certificate, key } = selfSigned("localhost");
    const server = createServer({ cert: certificate, key });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new ApiServerRelay(server, certificate, upstream, certificateAuthority);
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  get lists(): readonly string[] {
    return this.paths.filter((path) => path.includes("/endpointslices?") && !path.includes("watch=true"));
  }

  get watches(): readonly string[] {
    return this.paths.filter((path) => path.includes("watch=true"));
  }

  cutConnections(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
