import type { Logger } from "pino";
import { proxyDefaults, type AuthOptions } from "../proxy-options.ts";
import type { Authenticator } from "./authenticator.ts";
import { CheckedCredentials } from "./checked-credentials.ts";
import { CredentialAuthenticator } from "./credential-authenticator.ts";
import { DominoCheck } from "./domino-check.ts";
import { JwtCheck } from "./jwt-check.ts";
import { anonymous } from "./principal.ts";
import { StaticTokens } from "./static-tokens.ts";

export interface AuthenticatorSettings {
  readonly log: Logger;
  /** How often the tokens file is looked at, in ms. */
  readonly filesPollMs: number;
  /** @default performance.now */
  readonly nowMs?: () => number;
  /**
   * Milliseconds since 1970, for the times that tokens state.
   * @default Date.now
   */
  readonly epochMs?: () => number;
}

/** For `--auth none`: whoever reaches the proxy may use it. */
const open: Authenticator = { authenticate: () => anonymous, close: () => Promise.resolve() };

/**
 * Opens what decides who may use the proxy. Asks nobody yet, so that the proxy starts before Domino and issuers do.
 *
 * @throws PlatformError PROXY_CONFIG_INVALID where the tokens file is not valid
 */
export async function openAuthenticator(
  auth: AuthOptions,
  { log, filesPollMs, nowMs = () => performance.now(), epochMs = Date.now }: AuthenticatorSettings,
): Promise<Authenticator> {
  if (auth.kind === "none") return open;
  const trustedMs = (auth.cacheSeconds ?? proxyDefaults.authCacheSeconds) * 1000;
  const token = auth.token && (await StaticTokens.open(auth.token.file, filesPollMs, log));
  const domino = auth.domino && new DominoCheck(auth.domino.hostUrl);
  const jwt = auth.jwt && new JwtCheck(auth.jwt, { nowMs, epochMs });
  const remembered = (source: DominoCheck | JwtCheck): CheckedCredentials =>
    new CheckedCredentials((credential) => source.check(credential), { trustedMs, nowMs });
  return new CredentialAuthenticator({
    ...(token && { token }),
    ...(domino && { domino: remembered(domino) }),
    ...(jwt && { jwt: remembered(jwt) }),
    ...(auth.certificate && { certificate: true }),
    close: async () => {
      token?.close();
      await Promise.all([domino?.close(), jwt?.close()]);
    },
  });
}
