/** Label that the API server puts on every namespace; selectors may rely on it, since nobody else can set it. */
export function namespaceNamed(name: string): { readonly matchLabels: Record<string, string> } {
  return { matchLabels: { "kubernetes.io/metadata.name": name } };
}
