import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { takeReads, type ConnectionReader } from "../../../../services/proxy/inbound/plain/own-reads.ts";
import { selfSigned } from "../self-signed.ts";

const kinds = ["a plain", "an encrypted"] as const;

/** A server's side of a connection, taken as it is accepted, and the client's side. */
async function accepted<T>(
  kind: (typeof kinds)[number],
  onAccepted: (socket: Socket) => T,
): Promise<{ readonly client: Socket; readonly socket: Socket; readonly result: T }> {
  const sides = Promise.withResolvers<{ socket: Socket; result: T }>();
  const accept = (socket: Socket): void => {
    socket.on("error", () => undefined);
    sides.resolve({ socket, result: onAccepted(socket) });
  };
  const { certificate: cert, key } = selfSigned("localhost");
  const server = kind === "a plain" ? createServer(accept) : createTlsServer({ cert, key }, accept);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const client =
    kind === "a plain"
      ? connect(port, "127.0.0.1")
      : connectTls({ port, host: "127.0.0.1", ca: cert, servername: "localhost" });
  const { socket, result } = await sides.promise;
  onTestFinished(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return { client, socket, result };
}

/** Reads into a few bytes at a time, in turn into two places. */
class TwoPlaces implements ConnectionReader {
  target = Buffer.alloc(5);
  text = "";
  pausesAfter = Infinity;
  readonly #other = Buffer.alloc(3);
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  onRead(bytes: number, target: Buffer): boolean {
    this.text += target.toString("latin1", 0, bytes);
    this.target = target.length === 5 ? this.#other : Buffer.alloc(5);
    if (this.text.length >= this.pausesAfter) this.#socket.pause();
    return !this.#socket.isPaused();
  }
}

describe.each(kinds)("%s connection that was accepted", (kind) => {
  test("is read into the bytes of its reader", async () => {
    const { client, socket, result } = await accepted(kind, (side) => {
      const reader = new TwoPlaces(side);
      return { reader, taken: takeReads(side, reader), emitted: new Array<Buffer>() };
    });
    expect(result.taken).toBe(true);
    socket.on("data", (chunk: Buffer) => result.emitted.push(chunk));
    client.end("what is read here comes in pieces");
    await once(socket, "end");
    expect(result.reader.text).toBe("what is read here comes in pieces");
    expect(result.emitted).toEqual([]);
  });

  test("waits where its reader pauses it, and goes on where it resumes", async () => {
    const { client, socket, result } = await accepted(kind, (side) => {
      const reader = new TwoPlaces(side);
      reader.pausesAfter = 5;
      takeReads(side, reader);
      return reader;
    });
    const ended = once(socket, "end");
    client.end("first, then second");
    await expect.poll(() => result.text.length).toBeGreaterThanOrEqual(5);
    // What has been decrypted with it comes all the same.
    if (kind === "a plain") {
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(result.text.length).toBeLessThan("first, then second".length);
    }
    result.pausesAfter = Infinity;
    socket.resume();
    await ended;
    expect(result.text).toBe("first, then second");
  });
});

test("what has no handle, or has been read from, stays as it is", async () => {
  const stream = new PassThrough() as unknown as Socket;
  expect(takeReads(stream, new TwoPlaces(stream))).toBe(false);
  const { client, socket } = await accepted("a plain", (side) => side);
  client.write("early");
  await expect.poll(() => socket.readableLength).toBe(5);
  expect(takeReads(socket, new TwoPlaces(socket))).toBe(false);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  expect(chunk.toString()).toBe("early");
});
