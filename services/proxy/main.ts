import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { pino } from "pino";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { proxyDefaults, type AuthOptions, type ProxyOptions } from "./proxy-options.ts";
import { startProxy } from "./server.ts";

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

interface CommandLine {
  readonly routes: string;
  readonly host: string;
  readonly port: number;
  readonly tls?: "none";
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly auth: AuthOptions["kind"];
  readonly dominoHost?: string;
  readonly maxBodyBytes: number;
  readonly drainSeconds?: number;
  readonly logLevel: string;
}

const program = new Command("domino-inference-proxy")
  .description("The one endpoint in front of the inference engines of a platform.")
  .requiredOption("--routes <file>", "routing table, JSON or YAML; reloaded when it changes")
  .option("--host <address>", "address to listen on; 0.0.0.0 in a container", proxyDefaults.host)
  .option(
    "--port <port>",
    "port to listen on; 0 takes a free one",
    wholeNumber(0, 65_535),
    proxyDefaults.port,
  )
  .addOption(
    new Option("--tls <mode>", "none: plain HTTP, to be said where no certificate is given").choices([
      "none",
    ]),
  )
  .option("--tls-cert <file>", "certificate chain in PEM; HTTPS together with --tls-key")
  .option("--tls-key <file>", "private key in PEM")
  .addOption(
    new Option("--auth <mode>", "who may send requests: holders of a Domino API key or token, or everyone")
      .choices(["none", "domino"])
      .makeOptionMandatory(),
  )
  .option("--domino-host <url>", "Domino's base URL, needed by --auth domino")
  .option(
    "--max-body-bytes <bytes>",
    "longest request body, and longest answer of /predict",
    wholeNumber(1, 2 ** 31),
    proxyDefaults.maxBodyBytes,
  )
  .option(
    "--drain-seconds <seconds>",
    "longest wait for requests in flight after SIGTERM (default: the longest deadline in the routes, at least 25)",
    wholeNumber(0, 86_400),
  )
  .addOption(
    new Option("--log-level <level>", "least severe level that is logged").choices(logLevels).default("info"),
  )
  .exitOverride();

try {
  program.parse();
  await run(optionsOf(program.opts<CommandLine>()));
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed the message; its codes for --help end with 0.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (PlatformError.is(error)) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.code === "PROXY_CONFIG_INVALID" ? 2 : 1;
  } else {
    throw error;
  }
}

async function run(options: ProxyOptions): Promise<void> {
  const proxy = await startProxy(options);
  options.log.info({ url: proxy.url }, "listening");
  process.send?.({ type: "listening", url: proxy.url });
  const stop = (): void => {
    // A second signal ends the process at once.
    process.off("SIGTERM", stop).off("SIGINT", stop).off("disconnect", stop);
    options.log.info("draining");
    void proxy.close().then(() => {
      options.log.info("stopped");
      // The IPC channel of a parent process would keep this one alive.
      if (process.connected) process.disconnect();
    });
  };
  // A child of the local platform ends with its parent, however that ends.
  process.on("SIGTERM", stop).on("SIGINT", stop).on("disconnect", stop);
}

function optionsOf(given: CommandLine): ProxyOptions {
  const { routes, host, port, maxBodyBytes, drainSeconds, logLevel } = given;
  return {
    routesFile: routes,
    host,
    port,
    maxBodyBytes,
    ...(drainSeconds === undefined ? {} : { drainTimeoutMs: drainSeconds * 1000 }),
    auth: authOf(given),
    ...tlsOf(given),
    log: pino({ level: logLevel, base: null }),
  };
}

function authOf({ auth, dominoHost }: CommandLine): AuthOptions {
  if (auth === "none") {
    if (dominoHost !== undefined) throw misused("--domino-host", "--auth none asks Domino nothing");
    return { kind: "none" };
  }
  const url = dominoHost === undefined ? null : URL.parse(dominoHost);
  if (
    !url ||
    !["http:", "https:"].includes(url.protocol) ||
    url.username ||
    url.password ||
    url.search ||
    url.hash
  ) {
    throw misused(
      "--domino-host",
      "--auth domino needs Domino's base URL",
      "such as https://domino.example.com",
    );
  }
  return { kind: "domino", hostUrl: url.href };
}

function tlsOf({ tls, tlsCert, tlsKey }: CommandLine): Pick<ProxyOptions, "tls"> {
  if (tls === "none") {
    if (tlsCert !== undefined || tlsKey !== undefined)
      throw misused("--tls", "--tls none contradicts a certificate");
    return {};
  }
  if (tlsCert === undefined || tlsKey === undefined) {
    throw misused(
      "--tls",
      "HTTPS needs a certificate and a key",
      "--tls-cert with --tls-key, or --tls none for HTTP",
    );
  }
  return { tls: { certFile: tlsCert, keyFile: tlsKey } };
}

function misused(path: string, message: string, allowed?: string): PlatformError {
  return new PlatformError([{ code: "PROXY_CONFIG_INVALID", path, message, ...(allowed && { allowed }) }]);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    }
    return value;
  };
}
