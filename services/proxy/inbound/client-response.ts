/** Where the answer to a client goes, as Node's `ServerResponse` has it. */
export interface ClientResponse {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly statusCode: number;
  /** Set to false before the head is written, the connection ends with the answer. */
  shouldKeepAlive: boolean;
  /** `headers`: names and values in turn. */
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  /** Returns false where the client is slower: `drain` tells when it has caught up. */
  write(text: string, encoding: "latin1"): boolean;
  write(bytes: Buffer): boolean;
  end(text: string, encoding: "latin1"): unknown;
  end(bytes?: Buffer): unknown;
  once(event: "drain", listener: () => void): unknown;
  /** Breaks the connection, so that the client cannot take the answer for complete. */
  destroy(): unknown;
}
