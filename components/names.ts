import { createHash } from "node:crypto";

/**
 * A name for a Kubernetes object made from a name of Domino or MLflow, which allow more characters. Where the text had
 * to change, a hash of the original is added, so that names that differ only in what was lost stay different.
 */
export function objectName(text: string, maxLength = 63): string {
  const plain = plainText(text);
  return plain === text && plain.length <= maxLength ? plain : withHash(plain, text, maxLength);
}

/**
 * What a name of Domino looks like in a Kubernetes object's name, for a reader only: different texts may become one,
 * so the name needs something else that tells them apart.
 */
export function shownName(text: string, maxLength: number): string {
  return plainText(text).slice(0, maxLength).replace(/-+$/, "");
}

/** Keeps a name within a length; where it is cut, a hash of the whole keeps it unique. */
export function boundedName(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : withHash(text, text, maxLength);
}

function plainText(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

function withHash(shown: string, original: string, maxLength: number): string {
  const hash = createHash("sha256").update(original).digest("hex").slice(0, 8);
  const room = shown.slice(0, maxLength - hash.length - 1).replace(/-+$/, "");
  return room === "" ? `x-${hash}` : `${room}-${hash}`;
}
