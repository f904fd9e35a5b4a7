import { execFile } from "node:child_process";
import { cp, mkdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What the last stage of a Dockerfile says of the container, and where its files lie. */
export interface FollowedImage {
  /** The root file system, without that of the base image. */
  readonly root: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** `uid:gid`. */
  readonly user: string;
  readonly entrypoint: readonly string[];
}

interface Stage {
  readonly root: string;
  readonly args: Record<string, string>;
  readonly env: Record<string, string>;
  folder: string;
  user: string;
  entrypoint: readonly string[];
}

/**
 * Does on this machine what the instructions of a Dockerfile do, each stage in a folder of its own and with this
 * machine's programs instead of the base image's.
 *
 * @param context the folder that is built from
 * @param into an empty folder
 * @throws Error for an instruction that it does not know, and for a command that fails
 */
export async function followDockerfile(file: string, context: string, into: string): Promise<FollowedImage> {
  const allowed = await contextOf(`${file}.dockerignore`);
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { name, rest } of instructionsOf(await readFile(file, "utf8"))) {
    if (name === "FROM") {
      const label = / AS (\S+)$/.exec(rest)?.[1] ?? "last";
      stage = { root: join(into, label), args: {}, env: {}, folder: "/", user: "0:0", entrypoint: [] };
      stages.set(label, stage);
      await mkdir(stage.root, { recursive: true });
    } else if (stage === undefined) {
      // Arguments before the first stage name base images.
      if (name !== "ARG") throw new Error(`${name} before FROM`);
    } else if (name === "WORKDIR") {
      stage.folder = rest;
      await mkdir(join(stage.root, rest), { recursive: true });
    } else if (name === "ARG" || name === "ENV") {
      const [, key = "", value = ""] = /^(\w+)="?([^"]*)"?$/.exec(rest) ?? [];
      (name === "ARG" ? stage.args : stage.env)[key] = value;
    } else if (name === "COPY") {
      const [, from, paths = ""] = /^(?:--from=(\S+) )?(.+)$/.exec(rest) ?? [];
      const sources = paths.split(" ");
      const target = sources.pop() ?? "";
      for (const one of sources) {
        if (from === undefined && !allowed.has(one))
          throw new Error(`COPY ${one}: not in the build's context`);
        const source = join(from === undefined ? context : (stages.get(from)?.root ?? ""), one);
        // A folder's contents go to the target; a file goes into it where it is a folder.
        const isInto = target.endsWith("/") && (await stat(source)).isFile();
        const to = isInto ? join(target, basename(one)) : target;
        await cp(source, join(stage.root, stage.folder, to), { recursive: true });
      }
    } else if (name === "RUN") {
      await run("sh", ["-c", rest], {
        cwd: join(stage.root, stage.folder),
        env: { ...process.env, ...stage.args, ...stage.env },
      });
    } else if (name === "USER") {
      stage.user = rest;
    } else if (name === "ENTRYPOINT") {
      stage.entrypoint = JSON.parse(rest) as string[];
    } else if (name !== "EXPOSE") {
      throw new Error(`${name}: not known here`);
    }
  }
  if (stage === undefined) throw new Error(`${file} has no stage`);
  const { root, folder, env, user, entrypoint } = stage;
  return { root, folder, env, user, entrypoint };
}

function instructionsOf(text: string): readonly { readonly name: string; readonly rest: string }[] {
  return text
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", rest = ""] = /^([A-Z]+) +(.*)$/.exec(line.trim()) ?? [];
      return { name, rest };
    });
}

/** What `.dockerignore` lets into the context: it begins by leaving out everything. */
async function contextOf(file: string): Promise<ReadonlySet<string>> {
  const [all, ...kept] = (await readFile(file, "utf8")).trim().split("\n");
  if (all !== "*" || kept.some((line) => !line.startsWith("!"))) throw new Error(`${file}: not known here`);
  return new Set(kept.map((line) => line.slice(1)));
}
