import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startNamedEngine, startTestProxy, table, tritonServer, until } from "./testbed.ts";

describe("what is held in memory", () => {
  /** Sends a head and a part of its body, which is all that is read at once, and then more of it. Gives the answer. */
  const inTwoParts = (port: number, contentLength: number): (() => string) => {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let text = "";
    socket.setEncoding("latin1").on("data", (part: string) => (text += part));
    socket.on("error", () => undefined);
    socket.write(`POST /predict HTTP/1.1\r\nhost: proxy\r\ncontent-length: ${contentLength}\r\n\r\n{`);
    setTimeout(() => socket.write(" ".repeat(Math.min(contentLength - 2, 900))), 20);
    return () => text;
  };

  it("is refused with code and id where bodies that are still coming have used it up", async () => {
    const engine = await startNamedEngine("one");
    const lines: string[] = [];
    const proxy = await startTestProxy(table(tritonServer([engine.url])), {
      maxBodyBytes: 1000,
      audit: { write: (line: string) => lines.push(line) },
    });
    const answers = Array.from({ length: 12 }, () => inTwoParts(proxy.port, 1000));
    const refused = (): string[] => answers.map((answer) => answer()).filter((text) => text.includes("}}"));
    // Eight times the longest body, of which each has sent 901 bytes.
    await until(() => refused().length === 4);
    for (const text of refused()) {
      expect(text).toMatch(/^HTTP\/1\.1 503 /);
      expect(text.toLowerCase()).toMatch(/\r\nretry-after: \d+\r\n/);
      expect(text.toLowerCase()).toContain("\r\nx-request-id: ");
      expect(text).toContain(`"OVERLOADED"`);
    }
    await until(() => lines.length === 4);
    expect(lines.every((line) => line.includes(`"errorCode":"OVERLOADED"`))).toBe(true);
  });

  it("is not taken by a body whose head says that it is too long", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])), { maxBodyBytes: 1000 });
    const answer = inTwoParts(proxy.port, 20_000);
    await until(() => answer().includes(`"BODY_TOO_LARGE"`));
    expect(answer()).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("is not for strangers to take: bodies of unknown senders are not read", async () => {
    const engine = await startNamedEngine("one");
    const folder = await mkdtemp(join(tmpdir(), "proxy-test-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "tokens.json");
    const token = "t".repeat(40);
    await writeFile(file, JSON.stringify([{ name: "service", token }]));
    const proxy = await startTestProxy(table(tritonServer([engine.url])), {
      auth: { kind: "credentials", token: { file } },
      maxBodyBytes: 1024 * 1024,
    });
    const strangers = Array.from({ length: 64 }, () => {
      const socket = connect(proxy.port, "127.0.0.1", () =>
        socket.write("POST /predict HTTP/1.1\r\nhost: proxy\r\ncontent-length: 1000000\r\n\r\n{"),
      );
      onTestFinished(() => void socket.destroy());
      return socket.on("error", () => {});
    });
    await Promise.all(strangers.map((socket) => once(socket, "data")));
    expect((await proxy.predict({}, { authorization: `Bearer ${token}` })).status).toBe(200);
  });

  it("is only what has come: a length alone takes nothing from others", async () => {
    const engine = await startNamedEngine("one");
    const proxy = await startTestProxy(table(tritonServer([engine.url])), { maxBodyBytes: 1024 * 1024 });
    for (let index = 0; index < 64; index++) {
      const socket = connect(proxy.port, "127.0.0.1", () =>
        socket.write("POST /predict HTTP/1.1\r\nhost: proxy\r\ncontent-length: 1000000\r\n\r\n{"),
      );
      onTestFinished(() => void socket.destroy());
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await proxy.predict({})).status).toBe(200);
  });
});
