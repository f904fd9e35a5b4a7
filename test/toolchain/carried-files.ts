import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { toolchainFolder } from "./cache-folder.ts";
import { withFolderLock } from "./folder-lock.ts";
import { moduleFolder, requiredVersion } from "./go-tools.ts";

export type CarriedFilesName =
  | "cert-manager-definitions"
  | "keda-definitions"
  | "kwok-stages"
  | "leader-worker-set-definitions"
  | "prometheus-operator-definitions";

/** YAML files that the test bed needs and that a Go module carries. */
export interface CarriedFiles {
  readonly name: CarriedFilesName;
  /** Folder under `go/` whose go.mod pins the module. */
  readonly family: string;
  readonly module: string;
  /** Folders of the module whose YAML files are taken. */
  readonly folders: readonly string[];
}

export const carriedFiles: readonly CarriedFiles[] = [
  {
    name: "cert-manager-definitions",
    family: "crds",
    module: "github.com/cert-manager/cert-manager",
    folders: ["deploy/crds"],
  },
  {
    name: "keda-definitions",
    family: "crds",
    module: "github.com/kedacore/keda/v2",
    folders: ["config/crd/bases"],
  },
  {
    name: "leader-worker-set-definitions",
    family: "crds",
    module: "sigs.k8s.io/lws",
    folders: ["config/crd/bases"],
  },
  {
    name: "prometheus-operator-definitions",
    family: "crds",
    module: "github.com/prometheus-operator/prometheus-operator",
    folders: ["example/prometheus-operator-crd"],
  },
  {
    name: "kwok-stages",
    family: "kwok",
    module: "sigs.k8s.io/kwok",
    folders: ["kustomize/stage/node/fast", "kustomize/stage/node/heartbeat", "kustomize/stage/pod/fast"],
  },
];

export type CarriedLocation =
  | { readonly kind: "found"; readonly folder: string; readonly version: string }
  | { readonly kind: "missing"; readonly reason: string };

/** Where the files of a module lie once they are taken out of it. */
export function locateCarried(
  name: CarriedFilesName,
  environment: NodeJS.ProcessEnv = process.env,
): CarriedLocation {
  const source = carriedFiles.find((one) => one.name === name);
  if (source === undefined) throw new Error(`the toolchain carries no files "${name}"`);
  const folder = carriedFolder(source, environment);
  const version = requiredVersion(source.family, source.module);
  return existsSync(folder)
    ? { kind: "found", folder, version }
    : { kind: "missing", reason: `${name} ${version} are not there: run \`npm run toolchain\`` };
}

/** Copies the files out of the module, so that tests need no Go. Gives the folder. */
export async function fetchCarried(source: CarriedFiles, progress: (line: string) => void): Promise<string> {
  const folder = carriedFolder(source);
  return withFolderLock(folder, async () => {
    if (existsSync(folder)) return folder;
    progress(`fetching ${source.name} ${requiredVersion(source.family, source.module)}`);
    const { stdout } = await promisify(execFile)("go", ["mod", "download", "-json", source.module], {
      cwd: moduleFolder(source.family),
      env: { ...process.env, GOWORK: "off" },
    });
    const { Dir: module } = JSON.parse(stdout) as { Dir: string };
    const unfinished = `${folder}.${process.pid}`;
    try {
      await mkdir(unfinished, { recursive: true });
      for (const from of source.folders) await copyYaml(join(module, from), unfinished);
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
    return folder;
  });
}

async function copyYaml(from: string, to: string): Promise<void> {
  for (const file of await readdir(from)) {
    if (file.endsWith(".yaml") && file !== "kustomization.yaml") await cp(join(from, file), join(to, file));
  }
}

function carriedFolder(source: CarriedFiles, environment: NodeJS.ProcessEnv = process.env): string {
  const version = requiredVersion(source.family, source.module);
  return join(toolchainFolder(environment), source.name, version);
}
