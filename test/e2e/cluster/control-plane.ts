import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GoToolName } from "../../toolchain/go-tools.ts";
import { locateTool } from "../../toolchain/locate-tool.ts";
import { freePorts } from "../processes/free-ports.ts";
import {
  startProcess,
  type ProcessOptions,
  type SupervisedProcess,
} from "../processes/supervised-process.ts";
import { ClusterApi } from "./cluster-api.ts";
import { waitFor } from "./waiting.ts";

/** A running control plane without nodes. */
export interface ControlPlane {
  /** Keys, data and logs; gone with etcd, however that ends. */
  readonly folder: string;
  readonly server: string;
  /** PEM of the API server's certificate, which signs itself. */
  readonly certificateAuthority: string;
  readonly api: ClusterApi;
  /** Text of a kubeconfig for a user of the token file. */
  kubeconfigOf(user: ClusterUser): string;
  /** Adds a program that is stopped before the control plane. */
  run(tool: GoToolName, args: readonly string[]): Promise<void>;
  /** Ids of every process that runs for it. */
  processes(): readonly number[];
  stop(): Promise<void>;
}

/** Who may speak with the API server: the administrator and the parts of the control plane, each in its role. */
const users = {
  administrator: "system:masters",
  "system:kube-controller-manager": "",
  "system:kube-scheduler": "",
  "system:kwok": "system:masters",
} as const;

export type ClusterUser = keyof typeof users;

/** A server that lost its port to another process between finding and listening is started again elsewhere. */
const startAttempts = 3;

/**
 * Starts etcd, the API server with RBAC and the default admission plugins, the controllers and the scheduler, all on
 * loopback with ports, keys and tokens of their own.
 */
export async function startControlPlane(): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt++) {
    const processes: SupervisedProcess[] = [];
    try {
      return await start(await mkdtemp(join(tmpdir(), "cluster-")), processes);
    } catch (error) {
      await stopAll(processes);
      const isTaken = error instanceof Error && /address already in use/.test(error.message);
      if (!isTaken || attempt === startAttempts) throw error;
    }
  }
}

async function start(folder: string, processes: SupervisedProcess[]): Promise<ControlPlane> {
  const [etcdPort = 0, peerPort = 0, apiPort = 0] = await freePorts(3);
  const run = async (
    tool: GoToolName,
    args: readonly string[],
    options: Partial<ProcessOptions> = {},
  ): Promise<SupervisedProcess> => {
    const found = locateTool(tool);
    if (found.kind === "missing") throw new Error(found.reason);
    const started = await startProcess({ command: found.path, args, graceMillis: 3_000, ...options });
    processes.push(started);
    return started;
  };

  const tokens = Object.fromEntries(
    Object.keys(users).map((user) => [user, randomBytes(24).toString("base64url")]),
  ) as Readonly<Record<ClusterUser, string>>;
  const serviceAccounts = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const path = (name: string): string => join(folder, name);
  const secret = { mode: 0o600 };
  await writeFile(
    path("tokens.csv"),
    Object.entries(users)
      .map(([user, group]) => `${tokens[user as ClusterUser]},${user},${user},"${group}"\n`)
      .join(""),
    secret,
  );
  await writeFile(
    path("service-accounts.key"),
    serviceAccounts.privateKey.export({ type: "pkcs8", format: "pem" }),
    secret,
  );
  await writeFile(
    path("service-accounts.pub"),
    serviceAccounts.publicKey.export({ type: "spki", format: "pem" }),
  );

  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const etcdArguments = [
    `--data-dir=${path("etcd")}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    // The data lives as long as the test.
    "--unsafe-no-fsync=true",
    "--log-level=warn",
  ];
  // The folder is etcd's: it is the last to be stopped.
  const etcd = await run("etcd", etcdArguments, { folder });
  const apiServer = await run("kube-apiserver", [
    `--etcd-servers=${etcdUrl}`,
    "--bind-address=127.0.0.1",
    // Loopback cannot be advertised to pods; no pod runs here.
    "--endpoint-reconciler-type=none",
    `--secure-port=${apiPort}`,
    `--cert-dir=${path("certificates")}`,
    `--token-auth-file=${path("tokens.csv")}`,
    "--anonymous-auth=false",
    "--authorization-mode=Node,RBAC",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${path("service-accounts.pub")}`,
    `--service-account-signing-key-file=${path("service-accounts.key")}`,
    // Domino's service range on EKS.
    "--service-cluster-ip-range=172.20.0.0/16",
    "--allow-privileged=true",
    "--v=0",
  ]);

  const server = `https://127.0.0.1:${apiPort}`;
  const certificateFile = path("certificates/apiserver.crt");
  const alive = (): void => {
    for (const [name, one] of Object.entries({ etcd, "kube-apiserver": apiServer })) {
      if (!one.running()) throw new Error(`${name} ended while it started:\n${one.logTail()}`);
    }
  };
  const certificateAuthority = await waitFor(
    async () => {
      alive();
      return readFile(certificateFile, "utf8").catch(() => undefined);
    },
    { what: "the API server's certificate" },
  );
  const api = new ClusterApi({ server, certificateAuthority, token: tokens.administrator });
  await waitFor(
    async () => {
      alive();
      return api.call("GET", "/readyz").catch(() => undefined);
    },
    { what: "the API server's readiness", state: () => apiServer.logTail() },
  );

  const kubeconfigOf = (user: ClusterUser): string =>
    kubeconfig(server, certificateAuthority, user, tokens[user]);
  const kubeconfigFile = async (user: ClusterUser): Promise<string> => {
    const file = path(`${user.replace(":", "-")}.kubeconfig`);
    await writeFile(file, kubeconfigOf(user), secret);
    return file;
  };
  await run("kube-controller-manager", [
    `--kubeconfig=${await kubeconfigFile("system:kube-controller-manager")}`,
    `--service-account-private-key-file=${path("service-accounts.key")}`,
    "--use-service-account-credentials=true",
    `--root-ca-file=${certificateFile}`,
    "--leader-elect=false",
    "--secure-port=0",
  ]);
  await run("kube-scheduler", [
    `--kubeconfig=${await kubeconfigFile("system:kube-scheduler")}`,
    "--leader-elect=false",
    "--secure-port=0",
  ]);

  return {
    folder,
    server,
    certificateAuthority,
    api,
    kubeconfigOf,
    run: async (tool, args) => {
      await run(tool, [...args, `--kubeconfig=${await kubeconfigFile("system:kwok")}`]);
    },
    processes: () => processes.flatMap((one) => one.members()),
    stop: async () => {
      await api.close();
      await stopAll(processes);
    },
  };
}

/** In the opposite order of their start, so that nobody loses its server. */
async function stopAll(processes: readonly SupervisedProcess[]): Promise<void> {
  for (const one of processes.toReversed()) await one.stop();
}

function kubeconfig(server: string, certificateAuthority: string, user: string, token: string): string {
  const cluster = {
    server,
    "certificate-authority-data": Buffer.from(certificateAuthority).toString("base64"),
  };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test-bed",
    contexts: [{ name: "test-bed", context: { cluster: "test-bed", user } }],
    clusters: [{ name: "test-bed", cluster }],
    users: [{ name: user, user: { token } }],
  });
}
