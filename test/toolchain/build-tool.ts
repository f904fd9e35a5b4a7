import { execFile, spawn } from "node:child_process";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { moduleFolder, requiredVersion, type GoTool } from "./go-tools.ts";
import { cachedBinary, locateTool } from "./locate-tool.ts";
import { withFolderLock } from "./folder-lock.ts";

/** Why nothing can be built here, or nothing. */
export async function goProblem(): Promise<string | undefined> {
  const needed = await neededGo();
  let version: string;
  try {
    const { stdout } = await promisify(execFile)("go", ["env", "GOVERSION"]);
    version = stdout.trim().replace(/^go/, "");
  } catch {
    return `Go is not installed: install Go ${needed} or newer (Debian: golang-go; others: see go.dev/doc/install)`;
  }
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [neededMajor = 0, neededMinor = 0] = needed.split(".").map(Number);
  const isOlder = major < neededMajor || (major === neededMajor && minor < neededMinor);
  return isOlder ? `Go ${version} is too old: install Go ${needed} or newer` : undefined;
}

/** The `go` line of the module that asks for most is the same in all of them. */
async function neededGo(): Promise<string> {
  const text = await readFile(join(moduleFolder("kubernetes"), "go.mod"), "utf8");
  return /^go (\d+\.\d+)/m.exec(text)?.[1] ?? "1.26";
}

/** Builds a tool into the cache, unless another process does so meanwhile. Gives the path of the binary. */
export async function buildTool(tool: GoTool, progress: (line: string) => void): Promise<string> {
  const binary = cachedBinary(tool);
  return withFolderLock(
    dirname(binary),
    async () => {
      const found = locateTool(tool.name);
      if (found.kind === "found") return found.path;
      const version = requiredVersion(tool.family, tool.module);
      progress(`building ${tool.name} ${version} from its Go module`);
      await mkdir(dirname(binary), { recursive: true });
      // Under another name until it is whole: an interrupted build leaves nothing that looks built.
      const unfinished = `${binary}.${process.pid}`;
      try {
        await go(tool, [
          "build",
          "-trimpath",
          "-ldflags",
          `-s -w ${tool.versionFlags(version)}`,
          "-o",
          unfinished,
          tool.package,
        ]);
        await rename(unfinished, binary);
      } finally {
        await rm(unfinished, { force: true });
      }
      return binary;
    },
    (holder) => progress(`waiting for process ${holder}, which builds ${tool.name}`),
  );
}

async function go(tool: GoTool, args: readonly string[]): Promise<void> {
  const child = spawn("go", args, {
    cwd: moduleFolder(tool.family),
    // No C compiler is needed, no enclosing workspace counts, and go.mod stays as it is.
    env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "-mod=readonly -buildvcs=false" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`go ${args[0]} of ${tool.name} failed:\n${said.trim()}`);
}
