import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A program that the test bed runs and that builds from Go modules. */
export interface GoTool {
  /** Name of the binary. */
  readonly name: GoToolName;
  /** Folder under `go/` whose go.mod pins it. */
  readonly family: string;
  /** The package that is its main program. */
  readonly package: string;
  /** The module of go.mod whose version is the tool's. */
  readonly module: string;
  /** Linker settings that tell the binary its own version. */
  readonly versionFlags: (version: string) => string;
}

export type GoToolName =
  "pulumi" | "etcd" | "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" | "kwok" | "promql";

function kubernetesTool(name: GoToolName): GoTool {
  const component = "k8s.io/component-base/version";
  return {
    name,
    family: "kubernetes",
    package: `k8s.io/kubernetes/cmd/${name}`,
    module: "k8s.io/kubernetes",
    versionFlags: (version) => {
      const [major, minor] = version.slice(1).split(".");
      // Without them the server calls itself v0.0.0 and takes every feature for newer than itself.
      return `-X ${component}.gitVersion=${version} -X ${component}.gitMajor=${major} -X ${component}.gitMinor=${minor}`;
    },
  };
}

/** In the order in which they are built: the API server first, since the other Kubernetes programs share its packages. */
export const goTools: readonly GoTool[] = [
  {
    name: "pulumi",
    family: "pulumi",
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    module: "github.com/pulumi/pulumi/pkg/v3",
    versionFlags: (version) => `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`,
  },
  {
    name: "etcd",
    family: "etcd",
    package: ".",
    module: "go.etcd.io/etcd/server/v3",
    versionFlags: () => "",
  },
  kubernetesTool("kube-apiserver"),
  kubernetesTool("kube-controller-manager"),
  kubernetesTool("kube-scheduler"),
  {
    name: "kwok",
    family: "kwok",
    package: "sigs.k8s.io/kwok/cmd/kwok",
    module: "sigs.k8s.io/kwok",
    versionFlags: (version) => `-X sigs.k8s.io/kwok/pkg/consts.Version=${version}`,
  },
  {
    name: "promql",
    family: "promql",
    package: ".",
    module: "github.com/prometheus/prometheus",
    versionFlags: () => "",
  },
];

/** The folder of a family's Go module. */
export function moduleFolder(family: string): string {
  return join(import.meta.dirname, "go", family);
}

/** Version of a module that a family's go.mod requires: go.mod alone pins it. */
export function requiredVersion(family: string, module: string): string {
  const text = readFileSync(join(moduleFolder(family), "go.mod"), "utf8");
  const escaped = module.replaceAll(/[./]/g, "\\$&");
  const [, version] = new RegExp(`^(?:require )?\\s*${escaped} (v\\S+)`, "m").exec(text) ?? [];
  if (version === undefined) throw new Error(`${family}/go.mod does not require ${module}`);
  return version;
}

/** Version of a tool and digest of all that decides what is built, so that a changed pin is never served from the cache. */
export function buildKey(tool: GoTool): string {
  const folder = moduleFolder(tool.family);
  const digest = createHash("sha256").update(`${process.platform}-${process.arch}`);
  for (const file of readdirSync(folder).toSorted()) {
    digest.update(file).update(readFileSync(join(folder, file)));
  }
  return `${requiredVersion(tool.family, tool.module)}-${digest.digest("hex").slice(0, 12)}`;
}
