import { Option, type Command } from "commander";
import { jwtDefaults, proxyDefaults } from "../proxy-options.ts";

/** What every variable of the environment begins with that stands for an option. */
const environmentPrefix = "DOMINO_INFERENCE_PROXY_";

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** One option. Every one takes a value, so that a variable of the environment can stand for each. */
export interface Flag {
  readonly name: string;
  /** What the value is, as help shows it. */
  readonly value: string;
  readonly description: string;
  readonly choices?: readonly string[];
}

/** Every option of the proxy, in the order of the help. Secrets are named by file only: command lines are public. */
export const flags = [
  {
    name: "routes",
    value: "file",
    description: "routing table, JSON or YAML; reloaded when it changes; required",
  },
  {
    name: "listen",
    value: "host:port",
    description: `where to listen; 0.0.0.0:8443 in a container, port 0 takes a free one (default: ${proxyDefaults.host}:${proxyDefaults.port})`,
  },
  {
    name: "metrics-listen",
    value: "host:port",
    description: "where to serve /metrics and health in plain HTTP instead (default: where all is)",
  },
  {
    name: "grpc-listen",
    value: "host:port",
    description: "where to serve the Open Inference Protocol by gRPC (default: nowhere)",
  },
  {
    name: "tls",
    value: "mode",
    description: "plain HTTP, to be said where no certificate is given",
    choices: ["none"],
  },
  { name: "tls-cert", value: "file", description: "certificate chain in PEM; reloaded when it changes" },
  { name: "tls-key", value: "file", description: "its private key in PEM" },
  {
    name: "tls-client-ca",
    value: "file",
    description:
      "authorities in PEM; clients must show a certificate of one of them; reloaded when it changes",
  },
  {
    name: "auth",
    value: "kinds",
    description:
      "who may send requests, one or several with commas: domino, jwt, token, certificate; or none alone for everyone; required",
  },
  { name: "domino-host", value: "url", description: "Domino's base URL; for --auth domino" },
  {
    name: "jwks-url",
    value: "url",
    description: "where the issuer of tokens publishes its keys; for --auth jwt",
  },
  { name: "jwt-issuer", value: "text", description: "what iss must be; for --auth jwt" },
  { name: "jwt-audience", value: "text", description: "what aud must hold; for --auth jwt" },
  {
    name: "jwt-user-claim",
    value: "name",
    description: `claim that names the user (default: ${jwtDefaults.userClaim})`,
  },
  {
    name: "jwt-roles-claim",
    value: "name",
    description: `claim that lists the user's roles (default: ${jwtDefaults.rolesClaim})`,
  },
  {
    name: "clock-skew-seconds",
    value: "seconds",
    description: `how much the issuer's clock may differ (default: ${jwtDefaults.clockSkewSeconds})`,
  },
  {
    name: "tokens-file",
    value: "file",
    description:
      "services and the hashes of their tokens, JSON or YAML; reloaded when it changes; for --auth token",
  },
  {
    name: "auth-cache-seconds",
    value: "seconds",
    description: `how long a revoked key or token may still work (default: ${proxyDefaults.authCacheSeconds})`,
  },
  {
    name: "max-body-bytes",
    value: "bytes",
    description: `longest request body, and longest answer of /predict (default: ${proxyDefaults.maxBodyBytes})`,
  },
  {
    name: "drain-seconds",
    value: "seconds",
    description:
      "longest wait for requests in flight after SIGTERM (default: the longest deadline of the routes, at least 25)",
  },
  {
    name: "audit",
    value: "form",
    description: "a line for every request (default: none)",
    choices: ["none", "json"],
  },
  {
    name: "tracing",
    value: "form",
    description: "OpenTelemetry spans to OTEL_EXPORTER_OTLP_ENDPOINT (default: none)",
    choices: ["none", "otlp"],
  },
  {
    name: "log-level",
    value: "level",
    description: "least severe level that is logged (default: info)",
    choices: logLevels,
  },
] as const satisfies readonly Flag[];

export type FlagName = (typeof flags)[number]["name"];

/** What commander has read: every value of every option, those of the environment included. */
export type ParsedFlags = Readonly<Record<string, readonly string[] | undefined>>;

/** Gives a command the options of the proxy. They are judged later, so that all that is wrong is told at once. */
export function addProxyFlags(command: Command): Command {
  for (const flag of flags) {
    const { name, value, description, choices }: Flag = flag;
    const among = choices ? `: ${choices.join(", ")}` : "";
    const option = new Option(`--${name} <${value}>`, description.replace(/( \(default|$)/, `${among}$1`))
      .env(environmentPrefix + name.toUpperCase().replaceAll("-", "_"))
      .argParser((text, before: readonly string[] | undefined) => [...(before ?? []), text]);
    command.addOption(option);
  }
  return command;
}

/** Under which name commander keeps an option. */
export function attributeOf(name: FlagName): string {
  return name.replace(/-(\w)/g, (_hyphen, letter: string) => letter.toUpperCase());
}
