/** Kind of a Kubernetes resource; a patch of a resource is judged like the resource. */
export function kubernetesKind(type: string): string | undefined {
  const [, kind] = /^kubernetes:[^:]+:([A-Za-z]+?)(?:Patch)?$/.exec(type) ?? [];
  return kind;
}
