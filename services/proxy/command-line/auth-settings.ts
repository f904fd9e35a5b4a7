import type { AuthOptions, JwtAuth } from "../proxy-options.ts";
import type { FlagName } from "./flags.ts";
import type { GivenFlags } from "./given-flags.ts";

const kinds = ["domino", "jwt", "token", "certificate"] as const;

const allowed = `${kinds.join(", ")}, several with commas, or none`;

/** Options that only one kind of credential reads. */
const flagsOfKind = {
  domino: ["domino-host"],
  jwt: ["jwks-url", "jwt-issuer", "jwt-audience", "jwt-user-claim", "jwt-roles-claim", "clock-skew-seconds"],
  token: ["tokens-file"],
  certificate: [],
} as const satisfies Record<(typeof kinds)[number], readonly FlagName[]>;

/** Who may send requests; what is wrong goes to the problems of `given`. */
export function authOf(given: GivenFlags): AuthOptions {
  const text = given.required("auth", "it must be said who may send requests", allowed);
  // A problem stands already, and without a kind nothing else can be judged.
  if (text === "") return { kind: "none" };
  const named = text.split(",");
  refuseKinds(given, named);
  for (const kind of kinds) {
    if (!named.includes(kind)) given.unread(flagsOfKind[kind], `belongs to --auth ${kind}`);
  }
  if (named.includes("none")) {
    given.unread(["auth-cache-seconds"], "--auth none has nothing to remember");
    return { kind: "none" };
  }
  if (named.includes("certificate") && !given.has("tls-client-ca")) {
    given.refuse("tls-client-ca", "--auth certificate needs the authorities of the clients' certificates");
  }
  const cacheSeconds = given.wholeNumber("auth-cache-seconds", 1, 600);
  return {
    kind: "credentials",
    ...(named.includes("domino") && { domino: { hostUrl: dominoHostOf(given) } }),
    ...(named.includes("jwt") && { jwt: jwtOf(given) }),
    ...(named.includes("token") && {
      token: { file: given.required("tokens-file", "--auth token needs the file of the services' tokens") },
    }),
    ...(named.includes("certificate") && { certificate: true }),
    ...(cacheSeconds !== undefined && { cacheSeconds }),
  };
}

function refuseKinds(given: GivenFlags, named: readonly string[]): void {
  const unknown = named.find((kind) => kind !== "none" && !kinds.some((known) => known === kind));
  if (unknown !== undefined) given.refuse("auth", `"${unknown}" is no kind of credential`, allowed);
  if (new Set(named).size < named.length) given.refuse("auth", "names a kind twice", allowed);
  if (named.includes("none") && named.length > 1)
    given.refuse("auth", "none lets everyone in, so no other kind can stand next to it", allowed);
}

function dominoHostOf(given: GivenFlags): string {
  const example = "https://domino.example.com";
  const url = given.url("domino-host", "--auth domino needs Domino's base URL", example);
  if (url.includes("?")) given.refuse("domino-host", "must have no query", `such as ${example}`);
  return url;
}

function jwtOf(given: GivenFlags): JwtAuth {
  const userClaim = given.text("jwt-user-claim");
  const rolesClaim = given.text("jwt-roles-claim");
  const clockSkewSeconds = given.wholeNumber("clock-skew-seconds", 0, 300);
  return {
    jwksUrl: given.url(
      "jwks-url",
      "--auth jwt needs the address of the issuer's keys",
      "https://domino.example.com/auth/realms/DominoRealm/protocol/openid-connect/certs",
    ),
    issuer: given.required(
      "jwt-issuer",
      "--auth jwt needs the issuer that it trusts",
      "such as https://domino.example.com/auth/realms/DominoRealm",
    ),
    audience: given.required(
      "jwt-audience",
      "--auth jwt needs the audience that tokens are for: without it those for other services would do",
    ),
    ...(userClaim !== undefined && { userClaim }),
    ...(rolesClaim !== undefined && { rolesClaim }),
    ...(clockSkewSeconds !== undefined && { clockSkewSeconds }),
  };
}
