import { execFileSync, spawn } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { LineOutput } from "../../../../services/proxy/audit/line-output.ts";
import { until } from "../testbed.ts";

const module = fileURLToPath(new URL("../../../../services/proxy/audit/line-output.ts", import.meta.url));

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "line-output-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function opened(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  onTestFinished(() => closeSync(fd));
  return fd;
}

/** A pipe that nobody reads until the test does; it does not block, as a pipe that a process shares may not. */
function pipe(): { fd: number; read: () => string } {
  const path = join(folder(), "pipe");
  execFileSync("mkfifo", [path]);
  const reader = opened(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = opened(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(1024 * 1024);
  const read = (): string => {
    let text = "";
    try {
      for (let length = 1; length > 0;) {
        length = readSync(reader, buffer);
        text += buffer.toString("utf8", 0, length);
      }
    } catch {
      // Nothing more for now.
    }
    return text;
  };
  return { fd, read };
}

const numbered = (count: number, width: number): string[] =>
  Array.from({ length: count }, (_, index) => `${String(index).padStart(width, ".")}\n`);

describe("the output of lines", () => {
  it("writes lines in order and soon, without being told to", async () => {
    const file = join(folder(), "lines");
    const output = LineOutput.open({ fd: opened(file, "w"), holdMs: 1 });
    const lines = numbered(5_000, 100);
    for (const line of lines) output.write(line);
    await until(() => readFileSync(file, "utf8").length === 5_000 * 101);
    expect(readFileSync(file, "utf8")).toBe(lines.join(""));
    await output.close(1_000);
    expect(output.dropped).toBe(0);
  });

  it("has everything out once it is closed", async () => {
    const file = join(folder(), "lines");
    const output = LineOutput.open({ fd: opened(file, "w"), holdMs: 60_000 });
    output.write("one\n");
    output.write("two\n");
    await output.close(1_000);
    expect(readFileSync(file, "utf8")).toBe("one\ntwo\n");
    output.write("late\n");
    expect(output.dropped).toBe(1);
  });

  it("holds no more than it may while nobody reads, counts the rest and says where the gap is", async () => {
    const { fd, read } = pipe();
    const output = LineOutput.open({ fd, holdMs: 1, maxHeldCharacters: 100_000 });
    const lines = numbered(5_000, 99);
    // The first batch is on its way to a pipe of 64 KiB; the held lines are 1,000.
    for (const line of lines) output.write(line);
    expect(output.dropped).toBeGreaterThan(3_000);
    const { dropped } = output;
    let text = "";
    await until(() => {
      text += read();
      return text.endsWith(lines[5_000 - dropped - 1] ?? "");
    });
    output.write("after\n");
    await output.close(1_000);
    text += read();
    const written = text.split("\n");
    expect(written.slice(0, 5_000 - dropped).map((line) => `${line}\n`)).toEqual(
      lines.slice(0, 5_000 - dropped),
    );
    expect(JSON.parse(written[5_000 - dropped] ?? "")).toEqual({
      type: "dropped",
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      lines: dropped,
    });
    expect(written.slice(5_000 - dropped + 1)).toEqual(["after", ""]);
  });

  it("gives up at close when nobody reads, and counts what did not get out", async () => {
    const { fd, read } = pipe();
    const output = LineOutput.open({ fd, holdMs: 1 });
    for (const line of numbered(5_000, 99)) output.write(line);
    await output.close(20);
    expect(output.dropped).toBeGreaterThan(3_000);
    // What was on its way goes on, so that no line is left half.
    let text = "";
    await until(() => (text += read()).length >= 65_600);
    expect(text.endsWith("\n")).toBe(true);
  });

  it("counts lines that cannot be written and goes on", async () => {
    const output = LineOutput.open({ fd: opened("/dev/full", "w"), holdMs: 1 });
    output.write("one\ntwo\n");
    await until(() => output.dropped === 2);
    output.write("three\n");
    await output.close(1_000);
    // The third, and the line that tells of the first two.
    expect(output.dropped).toBe(4);
  });

  it("writes what is held when the process exits", async () => {
    const source = `
      import { LineOutput } from ${JSON.stringify(module)};
      const output = LineOutput.open({ fd: 1, holdMs: 60_000 });
      for (let line = 0; line < 500; line++) output.write("line " + line + "\\n");
      if (process.argv[1] === "exit") process.exit(0);
    `;
    for (const how of ["exit", "end"]) {
      const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", source, how]);
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      await new Promise((resolve) => child.on("close", resolve));
      expect(text).toBe(Array.from({ length: 500 }, (_, line) => `line ${line}\n`).join(""));
    }
  });
});
