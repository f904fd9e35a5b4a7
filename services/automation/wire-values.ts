/**
 * Values as Pulumi sends them to its engine: plain JSON in which objects with a signature stand for what JSON cannot
 * say. The marks are part of Pulumi's protocol, the same in every SDK.
 */

export const signatureKey = "4dabf18193072939515e22adb298388d";

export const signatures = {
  secret: "1b47061264138c4ac30d75fd1eb44270",
  asset: "c44067f5952c0a294b673a41bacd8c17",
  archive: "0def7320c3a5731c473e5ecbe6d01bc7",
  resource: "5cf8f73096256a8f31e491e813e4eb8e",
  output: "d0e6a833031e9bbcd3f4e8bde6ca49a4",
} as const;

export const unknownMark = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What stands in a preview for a secret, however large. */
export const maskedSecret = "<secret>";
/** What stands in a preview for a value that nobody can tell before the update. */
export const unknownValue = "<unknown>";

type WireObject = Readonly<Record<string, unknown>>;

/** For eyes and files: secrets masked wherever they are nested, everything else readable. */
export function readableValue(wire: unknown): unknown {
  return walk(wire, () => maskedSecret, unknownValue);
}

/** As {@link readableValue}, but of a secret object or list the keys and places stay: Secrets need them to be applied. */
export function readableLeaves(wire: unknown): unknown {
  return walk(wire, maskLeaves, unknownValue);
}

/** For policies: secrets in clear, because a secret document is judged too, and unknown values marked as such. */
export function judgedValue(wire: unknown): unknown {
  return walk(wire, judgedValue, { __pulumiUnknown: true });
}

function maskLeaves(wire: unknown): unknown {
  if (Array.isArray(wire)) return wire.map(maskLeaves);
  if (typeof wire !== "object" || wire === null || signatureKey in wire) return maskedSecret;
  return Object.fromEntries(Object.entries(wire).map(([key, value]) => [key, maskLeaves(value)]));
}

function walk(wire: unknown, ofSecret: (value: unknown) => unknown, unknown: unknown): unknown {
  const inner = (value: unknown): unknown => walk(value, ofSecret, unknown);
  if (wire === unknownMark) return unknown;
  if (typeof wire !== "object" || wire === null) return wire;
  if (Array.isArray(wire)) return wire.map(inner);
  const object = wire as WireObject;
  switch (object[signatureKey]) {
    case signatures.secret:
      return ofSecret(object.value);
    case signatures.output:
      if (object.secret === true) return ofSecret(object.value);
      return "value" in object ? inner(object.value) : unknown;
    case signatures.asset:
      return `<asset:${String(object.path ?? object.uri ?? "text")}>`;
    case signatures.archive:
      return `<archive:${String(object.path ?? object.uri ?? "assets")}>`;
    case signatures.resource:
      return `<resource:${String(object.urn)}>`;
    default:
      return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, inner(value)]));
  }
}
