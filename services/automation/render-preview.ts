import { stringify } from "yaml";
import { kubernetesManifests } from "./kubernetes-manifests.ts";
import type { OfflinePreview, PreviewedResource } from "./offline-preview.ts";
import { maskedSecret, unknownValue } from "./wire-values.ts";

export type PreviewFormat = "tree" | "json" | "yaml";

/** Renders a preview for a terminal, a program or `kubectl`; ends with a line break. */
export function renderPreview(preview: OfflinePreview, format: PreviewFormat): string {
  switch (format) {
    case "tree":
      return renderTree(preview);
    case "json":
      return `${JSON.stringify(preview, undefined, 2)}\n`;
    case "yaml":
      return renderManifests(preview);
  }
}

/** The Kubernetes objects as one multi-document file. */
function renderManifests(preview: OfflinePreview): string {
  return kubernetesManifests(preview.resources)
    .map((manifest) => `---\n${stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false })}`)
    .join("");
}

function renderTree(preview: OfflinePreview): string {
  return [
    ...treeLines(preview.resources),
    "",
    ...summaryLines(preview),
    "",
    "Policies",
    ...preview.policies.flatMap(({ name, level, violations }) => [
      violations.length === 0
        ? `  ok    ${name}`
        : `  FAIL  ${name} (${level}): ${counted(violations.length, "violation")}`,
      ...violations.map(({ urn, message }) => `          ${nameOf(urn)}: ${message}`),
    ]),
    "",
  ].join("\n");
}

function treeLines(resources: readonly PreviewedResource[]): string[] {
  const children = Map.groupBy(resources, ({ parent }) => parent);
  const lines: { readonly left: string; readonly type: string }[] = [];
  const add = (resource: PreviewedResource, own: string, below: string): void => {
    lines.push({ left: `${own}${resource.name}`, type: resource.type });
    const under = (children.get(resource.urn) ?? []).toSorted(byNameThenType);
    for (const [index, child] of under.entries()) {
      const last = index === under.length - 1;
      add(child, `${below}${last ? "└─ " : "├─ "}`, `${below}${last ? "   " : "│  "}`);
    }
  };
  for (const root of children.get(null) ?? []) add(root, "", "");
  const width = Math.max(0, ...lines.map(({ left }) => left.length));
  return lines.map(({ left, type }) => `${left.padEnd(width)}  ${type}`);
}

function summaryLines({ resources, plan }: OfflinePreview): string[] {
  const kinds = Map.groupBy(resources.filter(isCloudResource), ({ type }) => type.split(":").at(-1) ?? type);
  const counts = [...kinds]
    .map(([kind, group]) => ({ kind, count: group.length }))
    .toSorted((left, right) => right.count - left.count || (left.kind < right.kind ? -1 : 1));
  const budget = plan.budgetUsdPerHour;
  const texts = resources.flatMap(({ inputs }) => [...textsIn(inputs)]);
  const secrets = texts.filter((text) => text === maskedSecret).length;
  const later = texts.filter((text) => text === unknownValue || /<[a-z-]+:[^>]+>/.test(text)).length;
  return [
    `Resources  ${resources.length}: ${counts.map(({ kind, count }) => `${count} ${kind}`).join(", ")}; ` +
      counted(resources.filter(isComponent).length, "component"),
    `Cost       ${plan.totals.usdPerHour.toFixed(2)} USD/h for ${counted(plan.totals.nodes, "node")} with ${counted(plan.totals.gpus, "GPU")}` +
      (budget === undefined ? ", no budget set" : `, budget ${budget.toFixed(2)} USD/h`),
    `Masked     ${counted(secrets, "secret")} as ${maskedSecret}; ` +
      `${counted(later, "value")} that only the cloud can tell as placeholders such as <id:NAME>`,
  ];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function isCloudResource({ type }: PreviewedResource): boolean {
  return !type.startsWith("pulumi:") && !type.startsWith("domino-inference:");
}

function isComponent({ type }: PreviewedResource): boolean {
  return type.startsWith("domino-inference:");
}

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  else if (typeof value === "object" && value !== null)
    for (const inner of Object.values(value)) yield* textsIn(inner);
}

function byNameThenType(left: PreviewedResource, right: PreviewedResource): number {
  const [ours, theirs] = [`${left.name} ${left.type}`, `${right.name} ${right.type}`];
  return ours < theirs ? -1 : 1;
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}
