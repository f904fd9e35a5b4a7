import type { ProxyPod } from "../../platform/plan/proxy-pod.ts";
import type { JwtAuthSpec, ProxySpec } from "../../platform/spec/proxy-schema.ts";
import { dominoNamespaces } from "../domino/domino-namespaces.ts";
import { proxyGrpcPort, proxyMetricsPort, proxyPort } from "./proxy-identity.ts";

/** Folders that files are mounted in. */
export const proxyFolders = {
  routes: "/etc/inference",
  tls: "/etc/tls",
  tokens: "/etc/inference-tokens",
} as const;

/** Files in the folders, under names of the proxy's own. */
export const proxyFiles = { routes: "routes.json", tokens: "tokens" } as const;

/** Base URL of the Domino API that checks keys, from inside the cluster. */
export const defaultDominoHost = `http://nucleus-frontend.${dominoNamespaces.platform}:80`;

export interface ProxyArgumentsArgs {
  readonly proxy: ProxySpec;
  readonly dominoHost: string;
  readonly maxBodyBytes: number;
  readonly drainSeconds: number;
}

/** What the proxy's command is started with. */
export function proxyArguments({
  proxy,
  dominoHost,
  maxBodyBytes,
  drainSeconds,
}: ProxyArgumentsArgs): string[] {
  const everywhere = (port: number): string => `0.0.0.0:${port}`;
  const jwt = jwtOf(proxy);
  const given: readonly (readonly [option: string, value: string | number | undefined])[] = [
    ["--listen", everywhere(proxyPort)],
    ["--metrics-listen", everywhere(proxyMetricsPort)],
    ["--grpc-listen", proxy.grpc ? everywhere(proxyGrpcPort) : undefined],
    ["--routes", `${proxyFolders.routes}/${proxyFiles.routes}`],
    ["--tls-cert", `${proxyFolders.tls}/tls.crt`],
    ["--tls-key", `${proxyFolders.tls}/tls.key`],
    ["--auth", authKinds(proxy).join(",")],
    ["--domino-host", asksDomino(proxy) ? dominoHost : undefined],
    ["--jwks-url", jwt?.jwksUrl],
    ["--jwt-issuer", jwt?.issuer],
    ["--jwt-audience", jwt?.audience],
    ["--jwt-roles-claim", jwt?.rolesClaim],
    ["--tokens-file", tokenSecretOf(proxy) ? `${proxyFolders.tokens}/${proxyFiles.tokens}` : undefined],
    ["--audit", proxy.audit],
    ["--tracing", proxy.tracing ? "otlp" : "none"],
    ["--max-body-bytes", maxBodyBytes],
    ["--drain-seconds", drainSeconds],
  ];
  return given.flatMap(([option, value]) => (value === undefined ? [] : [option, String(value)]));
}

/** Environment of the proxy's process, without secrets. */
export function proxyEnvironment(
  { tracing }: Pick<ProxySpec, "tracing">,
  { heap }: Pick<ProxyPod, "heap">,
): { readonly name: string; readonly value: string }[] {
  return [
    {
      name: "NODE_OPTIONS",
      // Without them the heap is sized by the machine's memory, and grows before garbage is collected.
      value: `--max-old-space-size=${heap.oldSpaceMiB} --max-semi-space-size=${heap.semiSpaceMiB}`,
    },
    ...(tracing ? [{ name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: tracing.endpoint }] : []),
  ];
}

export function asksDomino({ auth }: Pick<ProxySpec, "auth">): boolean {
  return auth !== "none" && auth.includes("domino");
}

export function jwtOf({ auth }: Pick<ProxySpec, "auth">): JwtAuthSpec | undefined {
  const entries = auth === "none" ? [] : auth;
  return entries.find((entry) => typeof entry === "object" && entry.kind === "jwt");
}

/** Where the file of static tokens is. */
export function tokenSecretOf({
  auth,
}: Pick<ProxySpec, "auth">): { readonly name: string; readonly key: string } | undefined {
  const entries = auth === "none" ? [] : auth;
  return entries.find((entry) => typeof entry === "object" && entry.kind === "token")?.secret;
}

function authKinds({ auth }: Pick<ProxySpec, "auth">): string[] {
  return auth === "none" ? ["none"] : auth.map((entry) => (typeof entry === "string" ? entry : entry.kind));
}
