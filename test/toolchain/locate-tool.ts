import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { toolchainFolder } from "./cache-folder.ts";
import { buildKey, goTools, requiredVersion, type GoTool, type GoToolName } from "./go-tools.ts";

/** Where a tool is, or why it is nowhere. */
export type ToolLocation =
  | {
      readonly kind: "found";
      readonly path: string;
      readonly source: "KUBEBUILDER_ASSETS" | "PATH" | "cache";
    }
  | { readonly kind: "missing"; readonly reason: string };

/** Looks where the user said, then on PATH, then for what `npm run toolchain` built. Builds nothing. */
export function locateTool(name: GoToolName, environment: NodeJS.ProcessEnv = process.env): ToolLocation {
  const assets = environment["KUBEBUILDER_ASSETS"];
  if (assets !== undefined && assets !== "" && isExecutable(join(assets, name))) {
    return { kind: "found", path: join(assets, name), source: "KUBEBUILDER_ASSETS" };
  }
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (folder !== "" && isExecutable(path)) return { kind: "found", path, source: "PATH" };
  }
  const tool = goTool(name);
  const path = cachedBinary(tool, environment);
  if (isExecutable(path)) return { kind: "found", path, source: "cache" };
  const version = requiredVersion(tool.family, tool.module);
  return { kind: "missing", reason: `${name} ${version} is not installed: run \`npm run toolchain\`` };
}

/** The one tool of a name. */
export function goTool(name: GoToolName): GoTool {
  const tool = goTools.find((one) => one.name === name);
  if (tool === undefined) throw new Error(`the toolchain has no tool "${name}"`);
  return tool;
}

/** Where the built binary of a tool lies. */
export function cachedBinary(tool: GoTool, environment: NodeJS.ProcessEnv = process.env): string {
  return join(toolchainFolder(environment), tool.name, buildKey(tool), tool.name);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
