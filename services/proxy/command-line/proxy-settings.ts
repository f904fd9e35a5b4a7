import { PlatformError } from "../../../platform/errors/platform-error.ts";
import type { ListenAddress, ProxyOptions, TlsFiles } from "../proxy-options.ts";
import { authOf } from "./auth-settings.ts";
import type { FlagName, ParsedFlags } from "./flags.ts";
import { choicesOf, GivenFlags } from "./given-flags.ts";

/** What a command line or environment says about a proxy. */
export interface ProxySettings extends Omit<ProxyOptions, "log" | "audit"> {
  /** `json`: lines on standard output, among those of the log. */
  readonly audit?: "none" | "json";
  readonly logLevel: string;
}

/**
 * Judges the options of a command line.
 *
 * @throws PlatformError PROXY_CONFIG_INVALID with everything that is wrong
 */
export function proxySettingsOf(parsed: ParsedFlags): ProxySettings {
  const given = new GivenFlags(parsed);
  const drainSeconds = given.wholeNumber("drain-seconds", 0, 86_400);
  const maxBodyBytes = given.wholeNumber("max-body-bytes", 1, 2 ** 31);
  const audit = given.choice("audit", ["none", "json"]);
  const tracing = given.choice("tracing", ["none", "otlp"]);
  const settings = {
    routesFile: given.required("routes", "the routing table is needed", "a file in JSON or YAML"),
    ...addressesOf(given),
    ...tlsOf(given),
    auth: authOf(given),
    ...(maxBodyBytes !== undefined && { maxBodyBytes }),
    ...(drainSeconds !== undefined && { drainTimeoutMs: drainSeconds * 1000 }),
    ...(audit !== undefined && { audit }),
    ...(tracing !== undefined && { tracing }),
    logLevel: given.choice("log-level", choicesOf("log-level")) ?? "info",
  };
  if (given.problems.length > 0) throw new PlatformError(given.problems);
  return settings;
}

type Addresses = Pick<ProxyOptions, "host" | "port" | "metricsListen" | "grpcListen">;

function addressesOf(given: GivenFlags): Addresses {
  const listen = given.address("listen");
  const metricsListen = given.address("metrics-listen");
  const grpcListen = given.address("grpc-listen");
  const all: readonly [FlagName, ListenAddress | undefined][] = [
    ["listen", listen],
    ["metrics-listen", metricsListen],
    ["grpc-listen", grpcListen],
  ];
  all.forEach(([name, address], index) => {
    const [other] =
      all.slice(0, index).find(([, before]) => address && before && same(address, before)) ?? [];
    if (other) given.refuse(name, `is the address of --${other}`);
  });
  return { ...listen, ...(metricsListen && { metricsListen }), ...(grpcListen && { grpcListen }) };
}

function same(one: ListenAddress, other: ListenAddress): boolean {
  return one.port !== 0 && one.port === other.port && one.host === other.host;
}

function tlsOf(given: GivenFlags): { readonly tls?: TlsFiles } {
  const mode = given.choice("tls", ["none"]);
  if (mode === "none") {
    given.unread(["tls-cert", "tls-key", "tls-client-ca"], "contradicts --tls none");
    return {};
  }
  const certFile = given.text("tls-cert");
  const keyFile = given.text("tls-key");
  const clientCaFile = given.text("tls-client-ca");
  if (certFile !== undefined && keyFile !== undefined)
    return { tls: { certFile, keyFile, ...(clientCaFile !== undefined && { clientCaFile }) } };
  if (!given.has("tls"))
    given.refuse(
      "tls",
      "HTTPS needs a certificate and a key",
      "--tls-cert with --tls-key, or --tls none for HTTP",
    );
  return {};
}
