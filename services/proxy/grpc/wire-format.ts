/**
 * The few parts of protobuf's wire format that the proxy reads and writes by itself. Messages are passed on as bytes, so
 * no schema compiler is needed for the handful of fields below.
 */

/** Wire types; groups (3 and 4) are in no message of these services. */
export const wireTypes = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** A message that is not protobuf, or uses what no engine's message has. The text holds no bytes of it. */
export class WireFormatError extends Error {
  override readonly name = "WireFormatError";
}

/** Walks the top-level fields of a message without looking into them. */
export class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;
  /** Of the field that `next` found. */
  number = 0;
  wireType = 0;
  /** Where the field's tag starts. */
  tagStart = 0;
  /** Where its value starts: the varint, the fixed bytes, or the contents after the length. */
  start = 0;
  /** Where its value ends, exclusive. */
  end = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /**
   * Moves to the next field; false at the end of the message.
   *
   * @throws WireFormatError where the bytes are no field
   */
  next(): boolean {
    if (this.#at === this.#bytes.length) return false;
    this.tagStart = this.#at;
    const tag = this.#varint32("tag");
    this.number = tag >>> 3;
    this.wireType = tag & 7;
    if (this.number === 0) throw new WireFormatError("field number 0");
    switch (this.wireType) {
      case wireTypes.varint:
        this.start = this.#at;
        this.#skipVarint();
        break;
      case wireTypes.fixed64:
        this.#take(8);
        break;
      case wireTypes.lengthDelimited:
        this.#take(this.#varint32("length"));
        break;
      case wireTypes.fixed32:
        this.#take(4);
        break;
      default:
        throw new WireFormatError("unknown wire type");
    }
    this.end = this.#at;
    return true;
  }

  #take(length: number): void {
    this.start = this.#at;
    if (length > this.#bytes.length - this.#at) throw new WireFormatError("field beyond the end");
    this.#at += length;
  }

  /** Readers differ in what they do with tags and lengths above 32 bits, so those are refused. */
  #varint32(what: string): number {
    let value = 0;
    for (let place = 0; place < 5; place++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new WireFormatError(`${what} beyond the end`);
      if (place === 4 && byte > 0x0f) break;
      value |= (byte & 0x7f) << (7 * place);
      if (byte < 0x80) return value >>> 0;
    }
    throw new WireFormatError(`${what} of more than 32 bits`);
  }

  #skipVarint(): void {
    for (let place = 0; place < 10; place++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new WireFormatError("number beyond the end");
      if (byte < 0x80) return;
    }
    throw new WireFormatError("number of more than 64 bits");
  }
}

/** A field that holds bytes: a string, bytes or an embedded message. */
export function lengthDelimitedField(number: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  return Buffer.concat([varint(number * 8 + wireTypes.lengthDelimited), varint(bytes.length), bytes]);
}

/** A field that holds a number, an enum or a boolean. */
export function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8 + wireTypes.varint), varint(value)]);
}

/** @param value a whole number from 0 to 2^53 - 1 */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}
