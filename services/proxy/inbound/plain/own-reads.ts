import type { Socket } from "node:net";

/** Has the bytes of a connection read to where it wants them. */
export interface ConnectionReader {
  /** Where the next read goes; asked after each. */
  readonly target: Buffer;
  /** So many bytes lie at the start of what was the target. Returns false to read no more until the socket is resumed. */
  onRead(bytes: number, target: Buffer): boolean;
}

/** What Node keeps in a socket for its option `onread`, by description of the symbol. */
const fields = ["kBuffer", "kBufferCb", "kBufferGen"] as const;

/** The part of a socket's handle that reads. */
interface ReadingHandle {
  useUserBuffer(buffer: Buffer): void;
}

/**
 * Gives a connection that a server accepted what `onread` of `net.connect` gives to one that is made: without it, every
 * read allocates 64 KiB, and collecting those takes more time than all else that a large body needs. Node has no public
 * way to it (only its own HTTP parser goes around it), so this sets the same fields, and returns false where they are
 * not what they were: then the socket emits `data` as always.
 */
export function takeReads(socket: Socket, reader: ConnectionReader): boolean {
  const handle: unknown = Reflect.get(socket, "_handle");
  // What has been read already would stay where it is.
  if (!isReadingHandle(handle) || socket.readableLength > 0) return false;
  const symbols = Object.getOwnPropertySymbols(socket);
  const [buffer, callback, generator] = fields.map((name) =>
    symbols.find((symbol) => symbol.description === name),
  );
  if (!buffer || !callback || !generator) return false;
  const { target } = reader;
  handle.useUserBuffer(target);
  Reflect.set(socket, buffer, target);
  Reflect.set(socket, callback, (bytes: number, from: Buffer) => reader.onRead(bytes, from));
  Reflect.set(socket, generator, () => reader.target);
  return true;
}

function isReadingHandle(handle: unknown): handle is ReadingHandle {
  return (
    typeof handle === "object" &&
    handle !== null &&
    "useUserBuffer" in handle &&
    typeof handle.useUserBuffer === "function"
  );
}
