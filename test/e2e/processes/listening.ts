import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** State of a listening socket in /proc/net/tcp. */
const listenState = "0A";

/** Whether one of the processes listens on a TCP port of this machine. A port that answers may be somebody else's. */
export function isListening(pids: readonly number[], port: number): boolean {
  const sockets = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => listeningInodes(file, port)));
  return sockets.size > 0 && pids.some((pid) => socketsOf(pid).some((inode) => sockets.has(inode)));
}

function listeningInodes(file: string, port: number): readonly string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return linesOf(file).flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === listenState && local?.endsWith(wanted) && inode !== undefined ? [inode] : [];
  });
}

function socketsOf(pid: number): readonly string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).flatMap((descriptor) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${descriptor}`)) ?? [];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    // It ended in between.
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, "latin1").split("\n");
  } catch {
    // A machine without IPv6 has no tcp6.
    return [];
  }
}
