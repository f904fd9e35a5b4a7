import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AnswerInvalid, AnswerParser, type AnswerReader } from "./answer-parser.ts";

/** Where a connection leads. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /**
   * Whose certificate the engine has to show.
   * @default the host
   */
  readonly name?: string;
}

/** Has the connection for one request. */
export interface ConnectionUser extends AnswerReader {
  /** The connection broke before the answer had ended. */
  onBroken(error: Error): void;
}

/** Whom a connection tells of itself. */
export interface ConnectionOwner {
  onConnected(connection: EngineConnection): void;
  /** The answer has ended, and the connection can take the next request. */
  onIdle(connection: EngineConnection): void;
  /** The connection is of no use any more; said once. */
  onClosed(connection: EngineConnection, error: Error | undefined): void;
}

/** Longest head that is joined with its body for one write: copying more costs more than a second system call. */
const joinedBytes = 16 * 1024;

/**
 * All plain connections read into these bytes, one after the other: a read is used up before the next begins. A buffer
 * for every read would be most of the proxy's garbage.
 */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * One connection to an engine, carrying one request at a time. Written on sockets because a general HTTP client takes
 * several times the CPU time that the rest of the proxy needs for a request.
 */
export class EngineConnection {
  /** When it fell idle, on the clock of `performance.now()`; 0 before. */
  idleSinceMs = 0;
  /** It has carried a request: the engine may close it just as the next one is sent. */
  wasUsed = false;
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #parser = new AnswerParser();
  #user: ConnectionUser | undefined;
  /** Bytes of a streamed body that have not been written yet. */
  #bodyLeft = 0;
  #closed = false;
  #error: Error | undefined;

  constructor(address: Address, owner: ConnectionOwner) {
    this.#owner = owner;
    const { host, port, name = host } = address;
    if (address.tls) {
      this.#socket = connectTls({ host, port, servername: servernameOf(name), ALPNProtocols: ["http/1.1"] });
      this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
      this.#socket.once("secureConnect", () => this.#owner.onConnected(this));
    } else {
      this.#socket = connectPlain({
        host,
        port,
        onread: {
          buffer: readBuffer,
          callback: (bytes: number, buffer: Uint8Array) => {
            this.#read((buffer as Buffer).subarray(0, bytes));
            return !this.#socket.isPaused();
          },
        },
      });
      this.#socket.once("connect", () => this.#owner.onConnected(this));
    }
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, 30_000);
    this.#socket.on("error", (error) => (this.#error ??= error));
    this.#socket.on("end", () => {
      this.#parser.close();
      // Of no use to the next one, and to be known before the socket has closed.
      if (!this.#user) this.destroy();
    });
    this.#socket.on("close", () => this.#close(new Error("the engine closed the connection")));
  }

  /** Sends a request. The head ends with an empty line and is in Latin-1. */
  send(user: ConnectionUser, head: string, body: Buffer | undefined): void {
    this.#user = user;
    this.wasUsed = true;
    this.#parser.begin(this);
    const socket = this.#socket;
    if (!body || body.length === 0) {
      socket.write(head, "latin1");
    } else if (body.length <= joinedBytes) {
      socket.write(head + body.toString("latin1"), "latin1");
    } else {
      socket.cork();
      socket.write(head, "latin1");
      socket.write(body);
      socket.uncork();
    }
  }

  /** Sends the head of a request whose body follows by `writeBody`. */
  sendHead(user: ConnectionUser, head: string, bodyBytes: number): void {
    this.#bodyLeft = bodyBytes;
    this.send(user, head, undefined);
  }

  /** Sends a part of the body. Returns false to ask for a pause until `resume` is called. */
  writeBody(chunk: Buffer, resume: () => void): boolean {
    if (this.#closed || this.#bodyLeft === 0) return true;
    this.#bodyLeft -= chunk.length;
    const flowing = this.#socket.write(chunk);
    if (!flowing) this.#socket.once("drain", resume);
    return flowing;
  }

  /** Whether all of the request has left this process. */
  get hasSentAll(): boolean {
    return this.#bodyLeft === 0 && this.#socket.writableLength === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Breaks the connection; its user hears nothing any more. */
  destroy(): void {
    this.#user = undefined;
    this.#socket.destroy();
    this.#close();
  }

  onHead(head: Parameters<AnswerReader["onHead"]>[0]): void {
    this.#user?.onHead(head);
  }

  onBody(chunk: Buffer): void {
    this.#user?.onBody(chunk);
  }

  onEnd(): void {
    const user = this.#user;
    this.#user = undefined;
    // The user wanted no more than the end, which was there already. The next answer is not its matter.
    if (this.#socket.isPaused()) this.#socket.resume();
    // First, so that whoever the end wakes finds the connection idle.
    // An engine that answers before it has the whole body would take the rest of it for the next request.
    if (this.#parser.reusable && this.hasSentAll && !this.#closed) this.#owner.onIdle(this);
    else this.#socket.destroy();
    user?.onEnd();
  }

  #read(chunk: Buffer): void {
    try {
      this.#parser.feed(chunk);
    } catch (error) {
      if (!(error instanceof AnswerInvalid)) throw error;
      this.#socket.destroy();
      this.#close(error);
    }
  }

  #close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    const user = this.#user;
    this.#user = undefined;
    const cause = this.#error ?? error;
    this.#owner.onClosed(this, cause);
    user?.onBroken(cause ?? new Error("the connection was closed"));
  }
}

/** Names are sent for virtual hosts; an address is no name. */
function servernameOf(host: string): string {
  return /^[\d.]+$|:/.test(host) ? "" : host;
}
