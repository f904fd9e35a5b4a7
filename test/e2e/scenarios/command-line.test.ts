import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { renderProgress } from "../../../services/automation/engine-progress.ts";
import { openStack } from "../../../services/automation/stack-operations.ts";
import { clusterNeed, startCluster, type Cluster } from "../cluster.ts";
import { suite } from "../requires.ts";
import { issueCertificates } from "./certificates.ts";
import type { ControllerLoop } from "./controller-loop.ts";
import { EksNodes } from "./eks-nodes.ts";
import { customKinds } from "./platform-bed.ts";
import { findEngine } from "../providers/engine-fixture.ts";
import { clustersFile } from "../providers/generic/aws-lookups.ts";
import { CloudRecords } from "../providers/generic/cloud-records.ts";
import { stateFolderVariable } from "../providers/planned-failures.ts";
import { makePluginFolder } from "../providers/plugin-folder.ts";

const engine = await findEngine();

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly "certificate-authority-data": string };
  }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
}

suite("the dev stack, driven as the command line drives it", [engine.need, clusterNeed()], () => {
  let cluster: Cluster;
  let folder: string;
  let records: CloudRecords;
  let nodes: EksNodes;
  let certificates: ControllerLoop;

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.defineKinds(customKinds);
  });

  afterAll(async () => {
    await cluster?.stop();
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dev-stack-"));
    const cloud = join(folder, "cloud");
    await mkdir(cloud);
    records = new CloudRecords(cloud);
    nodes = new EksNodes(cluster, records);
    certificates = issueCertificates(cluster);
    const { environment } = await makePluginFolder(join(folder, "home"), { official: [] });
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "passphrase");
    vi.stubEnv(stateFolderVariable, cloud);
    vi.stubEnv("KUBECONFIG", undefined);
    await becomeEks(cloud, join(folder, "bin"));
  });

  afterEach(async () => {
    await certificates.stop();
    await nodes.stop();
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  /** Access as a user has it who is logged in to AWS: EKS tells the endpoint, and the AWS CLI makes the token. */
  async function becomeEks(cloud: string, bin: string): Promise<void> {
    const { clusters, users } = parse(cluster.kubeconfig) as Kubeconfig;
    const access = clusters[0]?.cluster;
    await writeFile(
      join(cloud, clustersFile),
      JSON.stringify({
        acme: { endpoint: access?.server, certificateAuthority: access?.["certificate-authority-data"] },
      }),
    );
    const credential = {
      apiVersion: "client.authentication.k8s.io/v1beta1",
      kind: "ExecCredential",
      status: { token: users[0]?.user.token },
    };
    await mkdir(bin);
    const expected = "--region us-west-2 eks get-token --cluster-name acme --output json";
    await writeFile(
      join(bin, "aws"),
      `#!/bin/sh\ntest "$*" = '${expected}' || exit 2\necho '${JSON.stringify(credential)}'\n`,
    );
    await chmod(join(bin, "aws"), 0o755);
    vi.stubEnv("PATH", `${bin}${delimiter}${process.env.PATH ?? ""}`);
  }

  test(
    "previews, comes up, has nothing left to do, and goes without a trace",
    { timeout: 600_000 },
    async () => {
      const lines: string[] = [];
      const onProgress = (event: Parameters<typeof renderProgress>[0]): void => {
        lines.push(renderProgress(event));
      };
      const stack = await openStack({
        stack: "dev",
        specFile: "stacks/dev.yaml",
        backendUrl: `file://${folder}`,
        workDir: join(folder, "work"),
      });
      const previewed = await stack.preview({ onProgress });
      expect(Object.keys(previewed.changes)).toEqual(["create"]);
      expect(await records.list()).toEqual([]);

      const created = await stack.up({ onProgress });
      expect(created.changes).toEqual(previewed.changes);
      expect(created.outputs).toMatchObject({
        platform: "acme-dev",
        proxyUrl: expect.stringMatching(/^https:\/\/inference-proxy-service\./) as string,
      });
      const total = created.changes.create;
      expect((await stack.preview({ onProgress })).changes).toEqual({ same: total });
      expect((await stack.up({ onProgress })).changes).toEqual({ same: total });

      expect((await stack.destroy({ onProgress })).changes).toEqual({ delete: total });
      expect(await records.list()).toEqual([]);
      const namespaces = await cluster.api.list("v1", "Namespace");
      expect(namespaces.filter(({ metadata }) => metadata.name.startsWith("domino-inference"))).toEqual([]);
      expect(lines.filter((line) => /^(?:warning|error)/.test(line))).toEqual([]);
    },
  );
});
