import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { Wire } from "../wire/values.ts";

/** How to reach an API server, and as whom. */
export interface ClusterAccess {
  readonly server: string;
  /** PEM. Default: what this machine trusts. */
  readonly certificateAuthority?: string;
  readonly verifiesServer: boolean;
  /** PEM. */
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  /** Asked before every call: tokens expire. */
  readonly bearerToken: () => Promise<string | undefined>;
  /** Namespace of objects that name none. */
  readonly namespace: string;
}

const execTimeoutMillis = 60_000;

interface Kubeconfig {
  readonly "current-context"?: string;
  readonly contexts?: readonly { readonly name: string; readonly context: KubeContext }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster: KubeCluster }[];
  readonly users?: readonly { readonly name: string; readonly user: KubeUser }[];
}

interface KubeContext {
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string;
}

interface KubeCluster {
  readonly server: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
}

interface KubeUser {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly exec?: ExecSource;
}

/** A program that prints a token. */
interface ExecSource {
  readonly apiVersion: string;
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
}

/**
 * Access by the provider's settings: `kubeconfig` (its text or its path), else the files of KUBECONFIG, else
 * `~/.kube/config`; `context`, `cluster` and `namespace` choose in it.
 *
 * @throws Error where the kubeconfig has not what is asked for
 */
export async function clusterAccessOf(settings: Wire): Promise<ClusterAccess> {
  const config = await kubeconfigOf(settings);
  const contextName = text(settings.context) ?? config["current-context"];
  const context = named(config.contexts, contextName, "context").context;
  const clusterName = text(settings.cluster) ?? context.cluster;
  const cluster = named(config.clusters, clusterName, "cluster").cluster;
  const { user } = named(config.users, context.user, "user");
  const [certificateAuthority, clientCertificate, clientKey] = await Promise.all([
    pem(cluster["certificate-authority-data"], cluster["certificate-authority"]),
    pem(user["client-certificate-data"], user["client-certificate"]),
    pem(user["client-key-data"], user["client-key"]),
  ]);
  return {
    server: cluster.server,
    verifiesServer: cluster["insecure-skip-tls-verify"] !== true,
    bearerToken: tokenSource(user),
    namespace: text(settings.namespace) ?? context.namespace ?? "default",
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(clientKey === undefined ? {} : { clientKey }),
  };
}

async function kubeconfigOf(settings: Wire): Promise<Kubeconfig> {
  const given = text(settings.kubeconfig);
  if (given !== undefined) return parsed(existsSync(given) ? await readFile(given, "utf8") : given);
  const files = (process.env.KUBECONFIG ?? join(homedir(), ".kube", "config"))
    .split(delimiter)
    .filter((file) => file !== "" && existsSync(file));
  if (files.length === 0)
    throw new Error("there is no kubeconfig: set kubeconfig of the provider, or KUBECONFIG");
  const configs = await Promise.all(files.map(async (file) => parsed(await readFile(file, "utf8"))));
  // As kubectl merges them: of two entries of one name the first counts.
  const context = configs.find((config) => config["current-context"])?.["current-context"];
  return {
    ...(context === undefined ? {} : { "current-context": context }),
    contexts: configs.flatMap(({ contexts }) => contexts ?? []),
    clusters: configs.flatMap(({ clusters }) => clusters ?? []),
    users: configs.flatMap(({ users }) => users ?? []),
  };
}

function parsed(content: string): Kubeconfig {
  const config: unknown = parse(content, { logLevel: "error" });
  // Its text may hold keys, so that no part of it is told.
  if (typeof config !== "object" || config === null) throw new Error("the kubeconfig is no YAML object");
  return config as Kubeconfig;
}

function named<Entry extends { readonly name: string }>(
  entries: readonly Entry[] | undefined,
  name: string | undefined,
  what: string,
): Entry {
  const found = entries?.find((entry) => entry.name === name);
  if (found) return found;
  const names = entries?.map((entry) => entry.name).join(", ") ?? "";
  throw new Error(`the kubeconfig has no ${what} "${name ?? ""}"; it has: ${names || "none"}`);
}

async function pem(data: string | undefined, file: string | undefined): Promise<string | undefined> {
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  return file === undefined ? undefined : readFile(file, "utf8");
}

function tokenSource(user: KubeUser): () => Promise<string | undefined> {
  const { token, tokenFile, exec } = user;
  if (token !== undefined) return async () => token;
  if (tokenFile !== undefined) return async () => (await readFile(tokenFile, "utf8")).trim();
  if (!exec) return async () => undefined;
  let held: Promise<HeldToken> | undefined;
  return async () => {
    const known = held;
    const token = await known?.catch(() => undefined);
    if (token && token.untilMillis > Date.now()) return token.token;
    // Calls at the same time share one run of the program: that of whoever comes first.
    if (held === undefined || held === known) held = tokenOf(exec);
    return (await held).token;
  };
}

interface HeldToken {
  readonly token: string;
  readonly untilMillis: number;
}

async function tokenOf(exec: ExecSource): Promise<HeldToken> {
  const { stdout } = await promisify(execFile)(exec.command, [...(exec.args ?? [])], {
    timeout: execTimeoutMillis,
    env: {
      ...process.env,
      ...Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify({
        apiVersion: exec.apiVersion,
        kind: "ExecCredential",
        spec: { interactive: false },
      }),
    },
  });
  const { status } = JSON.parse(stdout) as {
    readonly status: { readonly token: string; readonly expirationTimestamp?: string };
  };
  const untilMillis = Date.parse(status.expirationTimestamp ?? "") || Number.POSITIVE_INFINITY;
  return { token: status.token, untilMillis };
}

function text(setting: unknown): string | undefined {
  return typeof setting === "string" && setting !== "" ? setting : undefined;
}
