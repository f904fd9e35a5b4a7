import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

export const issuer = "https://domino.example/auth/realms/DominoRealm";
export const audience = "inference";

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function rsaKey(kid: string): SigningKey {
  return { kid, ...generateKeyPairSync("rsa", { modulusLength: 2048 }) };
}

/** The document that an issuer publishes. */
export function keySet(...keys: readonly SigningKey[]): unknown {
  return {
    keys: keys.map(({ kid, publicKey }) => ({
      ...publicKey.export({ format: "jwk" }),
      kid,
      use: "sig",
      alg: "RS256",
    })),
  };
}

export const nowSeconds = (): number => Math.floor(Date.now() / 1000);

export function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: issuer,
    aud: audience,
    exp: nowSeconds() + 300,
    preferred_username: "jane",
    user_groups: ["data-scientists"],
    ...changes,
  };
}

const encoded = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A token with any header and payload, however wrong, signed by `signature`. */
export function compact(header: unknown, payload: unknown, signature: (input: string) => Buffer): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${signature(input).toString("base64url")}`;
}

/** A signature with RSA and SHA-256. */
export function byKey({ privateKey }: SigningKey): (input: string) => Buffer {
  return (input) => sign("sha256", Buffer.from(input), privateKey);
}

/** A signature with a shared secret. */
export function bySecret(secret: string | Buffer): (input: string) => Buffer {
  return (input) => createHmac("sha256", secret).update(input).digest();
}

/** A token as the issuer makes them. */
export function token(key: SigningKey, changes: Record<string, unknown> = {}, header = {}): string {
  return compact({ alg: "RS256", typ: "JWT", kid: key.kid, ...header }, claims(changes), byKey(key));
}
