import { createSocket, type Socket } from "node:dgram";

/** What a name server answers for a name: its records, or a response code. */
export type DnsAnswer =
  | { readonly a?: readonly string[]; readonly aaaa?: readonly string[]; readonly ttl: number }
  | "NXDOMAIN"
  | "SERVFAIL"
  | "silence";

const responseCodes = { NXDOMAIN: 3, SERVFAIL: 2 } as const;
const typeA = 1;
const typeAAAA = 28;

/** A name server on loopback that speaks the DNS over UDP, as far as addresses need it. */
export class DnsServer {
  answer: DnsAnswer;
  /** Names asked for with their record types, in order. */
  readonly questions: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket, answer: DnsAnswer) {
    this.#socket = socket;
    this.answer = answer;
    socket.on("message", (query, { port, address }) => {
      const reply = this.#reply(query);
      if (reply) socket.send(reply, port, address);
    });
  }

  static async start(answer: DnsAnswer): Promise<DnsServer> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return new DnsServer(socket, answer);
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #reply(query: Buffer): Buffer | undefined {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += length + 1;
    }
    const type = query.readUInt16BE(at + 1);
    this.questions.push(`${labels.join(".")} ${type === typeA ? "A" : "AAAA"}`);
    const { answer } = this;
    if (answer === "silence") return undefined;
    const records =
      typeof answer === "string"
        ? []
        : type === typeA
          ? (answer.a ?? []).map((text) => Buffer.from(text.split(".").map(Number)))
          : type === typeAAAA
            ? (answer.aaaa ?? []).map(ipv6Bytes)
            : [];
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180 | (typeof answer === "string" ? responseCodes[answer] : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    const ttl = typeof answer === "string" ? 0 : answer.ttl;
    const written = records.map((data) => {
      const record = Buffer.alloc(12);
      // The name is that of the question, at byte 12.
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(ttl, 6);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    return Buffer.concat([header, query.subarray(12, at + 5), ...written]);
  }
}

/** Bytes of an address of which all eight groups are written. */
function ipv6Bytes(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  text.split(":").forEach((group, at) => bytes.writeUInt16BE(parseInt(group, 16), at * 2));
  return bytes;
}
