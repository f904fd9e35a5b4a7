import { connect, type Socket } from "node:net";
import { AnswerParser } from "../../../../services/proxy/upstream/connection/answer-parser.ts";
import type { SoakRequest } from "./traffic.ts";

export interface SoakAnswer {
  /** 0 where the connection ended before the head. */
  readonly status: number;
  readonly text: string;
  /** False where the connection ended before the answer did. */
  readonly complete: boolean;
}

/** One kept connection to the proxy with one request at a time. */
export class SoakClient {
  readonly #port: number;
  #socket: Socket | undefined;
  readonly #parser = new AnswerParser();
  #settle: ((complete: boolean) => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  ask({ bytes }: SoakRequest): Promise<SoakAnswer> {
    return new Promise((resolve) => {
      let status = 0;
      let text = "";
      this.#settle = (complete) => {
        this.#settle = undefined;
        resolve({ status, text, complete });
      };
      this.#parser.begin({
        onHead: (head) => (status = head.status),
        onBody: (chunk) => (text += chunk.toString("latin1")),
        onEnd: () => {
          if (!this.#parser.reusable) this.close();
          this.#settle?.(true);
        },
      });
      const socket = (this.#socket ??= this.#connect());
      for (const part of bytes) socket.write(part);
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #connect(): Socket {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    socket.on("data", (chunk) => {
      try {
        this.#parser.feed(chunk);
      } catch {
        this.#broken(socket);
      }
    });
    // What comes of it is told by `close`.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#broken(socket));
    return socket;
  }

  #broken(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.close();
    this.#settle?.(false);
  }
}
