import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

interface SpokenAnswer {
  readonly status: number;
  readonly body: string;
}

/** What the server says to a path: a status with a body, or nothing at all. */
export type ApiAnswer = SpokenAnswer | "silence";

export const token = "token-that-nobody-may-see";

/** Answers as an API server does, with what is given, and remembers what it was asked. */
export class ApiServer {
  /** Answers by path without query; every other path is not found. */
  readonly answers = new Map<string, (query: URLSearchParams) => ApiAnswer>();
  /** Path and query of every request so far. */
  readonly asked: string[] = [];
  /** Requests whose caller went before the answer. */
  givenUp = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://server");
      this.asked.push(url.pathname + url.search);
      const authorized = request.headers.authorization === `Bearer ${token}`;
      const answer = authorized ? this.answers.get(url.pathname)?.(url.searchParams) : refused(401);
      response.on("close", () => {
        if (!response.writableFinished) this.givenUp += 1;
      });
      if (answer === "silence") return;
      const { status, body } = answer ?? refused(404);
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
  }

  static async start(): Promise<ApiServer> {
    const api = new ApiServer();
    api.#server.listen(0, "127.0.0.1");
    await once(api.#server, "listening");
    return api;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  kubeconfig(user: object = { token }): string {
    // The client talks plain HTTP only where certificates are not asked for.
    const cluster = { server: `http://127.0.0.1:${this.port}`, "insecure-skip-tls-verify": true };
    return kubeconfigOf(cluster, user);
  }

  answer(path: string, body: unknown): void {
    this.answers.set(path, () => ({ status: 200, body: JSON.stringify(body) }));
  }

  refuse(path: string, status: number): void {
    this.answers.set(path, () => refused(status));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

export function kubeconfigOf(cluster: object, user: object): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    clusters: [{ name: "test", cluster }],
    users: [{ name: "test", user }],
  });
}

function refused(status: number): SpokenAnswer {
  // Real servers quote what they were sent, such as names, and sometimes more.
  const message = `refused: ${token}`;
  return { status, body: JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message }) };
}
