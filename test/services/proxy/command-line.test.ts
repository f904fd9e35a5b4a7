import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { addProxyFlags, type ParsedFlags } from "../../../services/proxy/command-line/flags.ts";
import { proxySettingsOf, type ProxySettings } from "../../../services/proxy/command-line/proxy-settings.ts";

function settingsOf(...args: readonly string[]): ProxySettings {
  const command = addProxyFlags(new Command()).exitOverride();
  return proxySettingsOf(command.parse([...args], { from: "user" }).opts<ParsedFlags>());
}

/** The problems of a command line, as `--option: message`. */
function problemsOf(...args: readonly string[]): string[] {
  try {
    settingsOf(...args);
  } catch (error) {
    if (!PlatformError.is(error)) throw error;
    expect(error.problems.every(({ code }) => code === "PROXY_CONFIG_INVALID")).toBe(true);
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

const least = ["--routes", "r", "--tls", "none"];
const open = [...least, "--auth", "none"];
const jwt = [
  "--jwks-url",
  "https://d.example/certs",
  "--jwt-issuer",
  "https://d.example",
  "--jwt-audience",
  "a",
];

describe("the command line of the proxy", () => {
  it("needs routes, who may ask, and TLS or its absence; the rest has defaults", () => {
    expect(settingsOf(...open)).toEqual({ routesFile: "r", auth: { kind: "none" }, logLevel: "info" });
  });

  it("says where to listen", () => {
    const settings = settingsOf(
      ...[
        ...open,
        "--listen",
        "0.0.0.0:8443",
        "--metrics-listen",
        "[::1]:9090",
        "--grpc-listen",
        "localhost:0",
      ],
    );
    expect(settings).toMatchObject({
      host: "0.0.0.0",
      port: 8443,
      metricsListen: { host: "::1", port: 9090 },
      grpcListen: { host: "localhost", port: 0 },
    });
  });

  it("takes several kinds of credentials at once", () => {
    const settings = settingsOf(
      ...["--routes", "r", "--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a"],
      ...["--auth", "domino,jwt,token,certificate", "--domino-host", "https://d.example/base"],
      ...[...jwt, "--jwt-user-claim", "sub", "--jwt-roles-claim", "groups", "--clock-skew-seconds", "5"],
      ...["--tokens-file", "t", "--auth-cache-seconds", "10"],
    );
    expect(settings).toMatchObject({
      tls: { certFile: "c", keyFile: "k", clientCaFile: "a" },
      auth: {
        kind: "credentials",
        domino: { hostUrl: "https://d.example/base" },
        jwt: {
          jwksUrl: "https://d.example/certs",
          issuer: "https://d.example",
          audience: "a",
          userClaim: "sub",
          rolesClaim: "groups",
          clockSkewSeconds: 5,
        },
        token: { file: "t" },
        certificate: true,
        cacheSeconds: 10,
      },
    });
  });

  it("takes limits and forms", () => {
    const settings = settingsOf(
      ...[...open, "--max-body-bytes", "1000", "--drain-seconds", "3", "--log-level", "warn"],
      ...["--audit", "json", "--tracing", "otlp"],
    );
    expect(settings).toMatchObject({
      ...{ maxBodyBytes: 1000, drainTimeoutMs: 3000, logLevel: "warn" },
      ...{ audit: "json", tracing: "otlp" },
    });
  });

  it("tells everything that is wrong at once", () => {
    expect(
      problemsOf("--listen", "8443", "--tls-cert", "c", "--auth", "jwt", "--drain-seconds", "soon"),
    ).toEqual([
      `--drain-seconds: "soon" is out of range`,
      "--routes: the routing table is needed",
      `--listen: "8443" is no host and port`,
      "--tls: HTTPS needs a certificate and a key",
      "--jwks-url: --auth jwt needs the address of the issuer's keys",
      "--jwt-issuer: --auth jwt needs the issuer that it trusts",
      "--jwt-audience: --auth jwt needs the audience that tokens are for: without it those for other services would do",
    ]);
  });

  it.each([
    [[], ["--auth: it must be said who may send requests"]],
    [["--auth", ""], ["--auth: must have 1 to 4,096 characters"]],
    [["--auth", "basic"], [`--auth: "basic" is no kind of credential`]],
    [["--auth", "none,domino"], ["--auth: none lets everyone in, so no other kind can stand next to it"]],
    [
      ["--auth", "none,none"],
      ["--auth: names a kind twice", "--auth: none lets everyone in"],
    ],
    [
      ["--auth", "none,"],
      [`--auth: "" is no kind of credential`, "--auth: none lets everyone in"],
    ],
    [["--auth", "none", "--auth", "domino"], ["--auth: is given more than once"]],
    [["--auth", "None"], [`--auth: "None" is no kind of credential`]],
    [
      ["--auth", "none", "--auth-cache-seconds", "5"],
      ["--auth-cache-seconds: --auth none has nothing to remember"],
    ],
    [["--auth", "none", "--domino-host", "https://d"], ["--domino-host: belongs to --auth domino"]],
    [["--auth", "none", "--tokens-file", "t"], ["--tokens-file: belongs to --auth token"]],
    [["--auth", "token"], ["--tokens-file: --auth token needs the file"]],
    [["--auth", "certificate"], ["--tls-client-ca: --auth certificate needs the authorities"]],
    [["--auth", "domino"], ["--domino-host: --auth domino needs Domino's base URL"]],
    [["--auth", "domino", "--domino-host", "acme"], ["--domino-host: is not an http or https URL"]],
    [["--auth", "domino", "--domino-host", "ftp://d"], ["--domino-host: is not an http or https URL"]],
    [["--auth", "domino", "--domino-host", "https://d?a"], ["--domino-host: must have no query"]],
    [
      ["--auth", "jwt", ...jwt, "--clock-skew-seconds", "301"],
      [`--clock-skew-seconds: "301" is out of range`],
    ],
    [["--auth", "jwt", ...jwt, "--auth-cache-seconds", "0"], [`--auth-cache-seconds: "0" is out of range`]],
    [
      ["--auth", "jwt", ...jwt, "--auth-cache-seconds", "601"],
      [`--auth-cache-seconds: "601" is out of range`],
    ],
  ])("refuses %j", (args, expected) => {
    const problems = problemsOf(...least, ...args);
    expect(problems).toHaveLength(expected.length);
    expected.forEach((start, index) => expect(problems[index]).toContain(start));
  });

  it.each([
    [["--listen", ":8443"], "--listen"],
    [["--listen", "::1:8443"], "--listen"],
    [["--listen", "localhost:65536"], "--listen"],
    [["--listen", "localhost:http"], "--listen"],
    [["--listen", "a:1", "--grpc-listen", "a:1"], "--grpc-listen: is the address of --listen"],
    [
      ["--metrics-listen", "a:1", "--grpc-listen", "a:1"],
      "--grpc-listen: is the address of --metrics-listen",
    ],
    [["--tls-cert", "c"], "--tls-cert: contradicts --tls none"],
    [["--tls-client-ca", "c"], "--tls-client-ca: contradicts --tls none"],
    [["--max-body-bytes", "0"], "--max-body-bytes"],
    [["--max-body-bytes", "1e6"], "--max-body-bytes"],
    [["--drain-seconds", "-1"], "--drain-seconds"],
    [["--log-level", "loud"], `--log-level: "loud" is not one of them`],
    [["--audit", "csv"], "--audit"],
    [["--tracing", "zipkin"], "--tracing"],
  ])("refuses %j", (args, expected) => {
    const problems = problemsOf(...open, ...args);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it("does not repeat an address that holds a password", () => {
    const problems = problemsOf(...least, "--auth", "domino", "--domino-host", "https://jane:secret@d");
    expect(problems.join()).toContain("--domino-host");
    expect(problems.join()).not.toContain("secret");
  });
});
