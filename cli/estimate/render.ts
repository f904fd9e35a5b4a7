import { stringify } from "yaml";
import type { ModelArchitecture } from "../../optimizer/catalog/catalog.ts";
import type { ProfileEstimates } from "../../optimizer/profiles/estimate.ts";
import type { Rejection } from "../../optimizer/workload.ts";
import { renderTable } from "../render/table.ts";

/** The network as `models[].architecture` of a platform spec. */
export function architectureYaml(architecture: ModelArchitecture, notes: readonly string[]): string {
  const { experts } = architecture;
  const entry = {
    task: architecture.task,
    parameters: architecture.parameterCount,
    layers: architecture.layerCount,
    ...(architecture.hiddenSize === undefined ? {} : { hiddenSize: architecture.hiddenSize }),
    ...(architecture.attentionHeadCount === undefined
      ? {}
      : { attentionHeads: architecture.attentionHeadCount }),
    kvHeads: architecture.kvHeadCount,
    headDimension: architecture.headDimension,
    bytesPerWeight: architecture.bytesPerWeight,
    maxSequenceTokens: architecture.maxSequenceTokens,
    ...(architecture.tokensPerRequest === undefined
      ? {}
      : { tokensPerRequest: architecture.tokensPerRequest }),
    ...(experts
      ? { experts: { count: experts.count, perToken: experts.perToken, parameters: experts.parameterCount } }
      : {}),
    source: architecture.source,
  };
  return `${comments(notes)}${stringify({ architecture: entry }, { lineWidth: 0 })}`;
}

export function renderEstimates({ profiles, excluded }: ProfileEstimates, notes: readonly string[]): string {
  const rows = profiles.map((profile) => [
    `${profile.gpusPerReplica}x ${profile.accelerator}`,
    String(profile.maxBatchSize),
    ...[profile.alphaMs, profile.betaMs, profile.gammaMs, profile.deltaMs].map((time) =>
      String(Number(time.toPrecision(4))),
    ),
    `±${Math.round(profile.origin.uncertaintyFraction * 100)} %`,
  ]);
  const heads = ["GPUs a replica", "batch", "alpha ms", "beta ms", "gamma ms", "delta ms", "known to"];
  const lines = [...notes, ...excluded.map(exclusion)].map((line) => `${line}\n`);
  return `${renderTable(heads, rows, [1, 2, 3, 4, 5, 6])}\n${lines.join("")}`;
}

function exclusion({ accelerator, gpusPerReplica, constraint, reached, allowed }: Rejection): string {
  const shape = `${gpusPerReplica}x ${accelerator}`;
  return constraint === "heads"
    ? `${shape} cannot share the attention heads out equally; ${allowed} GPUs can`
    : `${shape} is too small: ${reached.toFixed(1)} of ${allowed.toFixed(1)} GiB`;
}

function comments(lines: readonly string[]): string {
  return lines.map((line) => `# ${line}\n`).join("");
}
