import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const logTailBytes = 8 * 1024;

/** End of a log file, 8 KiB at most; empty where there is none. */
export function logTailOf(file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(descriptor);
    const start = Math.max(0, size - logTailBytes);
    const tail = Buffer.alloc(size - start);
    const length = readSync(descriptor, tail, 0, tail.length, start);
    return tail.toString("utf8", 0, length);
  } finally {
    closeSync(descriptor);
  }
}
