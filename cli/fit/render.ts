import { stringify } from "yaml";
import type { FittedProfile } from "../../optimizer/profiles/fit-profile.ts";
import type { IdentifiedLine } from "../../optimizer/profiles/identify-line.ts";
import { halfWidth } from "../../optimizer/profiles/line-fit.ts";
import { renderTable } from "../render/table.ts";

/** The fit as an entry of a platform spec's `models[].profiles[]`. */
export interface ProfileEntry {
  readonly accelerator: string;
  readonly gpusPerReplica: number;
  readonly maxBatchSize: number;
  readonly alpha?: string;
  readonly beta?: string;
  readonly gamma: string;
  readonly delta: string;
  readonly source: string;
}

export function profileEntry({ profile, decode }: FittedProfile): ProfileEntry {
  return {
    accelerator: profile.accelerator,
    gpusPerReplica: profile.gpusPerReplica,
    maxBatchSize: profile.maxBatchSize,
    ...(decode ? { alpha: duration(profile.alphaMs), beta: duration(profile.betaMs) } : {}),
    gamma: duration(profile.gammaMs),
    delta: duration(profile.deltaMs),
    source: profile.origin.source,
  };
}

/** What a reader of the numbers should know, one sentence each. */
export function fitNotes(fit: FittedProfile): string[] {
  const notes: string[] = [];
  if (fit.ttftLeftOut > 0) {
    notes.push(
      `TTFT of ${fit.ttftLeftOut} points left out: with several requests in flight it contains waiting`,
    );
  }
  if (fit.prefillLeftIn > 0) {
    notes.push(
      `ITL of ${fit.prefillLeftIn} points contains prefill of other requests, which cannot be told apart without outputTokens`,
    );
  }
  for (const { name, line } of linesOf(fit)) {
    if (line.heldAtZero) {
      notes.push(`${line.heldAtZero} of ${name} held at 0: it came out below by less than the noise`);
    }
    if (line.degreesOfFreedom === 0) {
      notes.push(
        `${name} goes through ${line.pointCount} points by necessity: measure one more to see how well`,
      );
    }
  }
  return notes;
}

/** Default output: the entry to paste, with what it is worth as comments. */
export function renderYaml(fit: FittedProfile): string {
  const { profile } = fit;
  const comments = [
    `${profile.model} on ${profile.gpusPerReplica} x ${profile.accelerator}: an entry of models[].profiles`,
    ...linesOf(fit).flatMap(({ name, line, parameters: [intercept, slope] }) => [
      `${name}: ${parameter(intercept, line, "intercept")}, ${parameter(slope, line, "slope")}; ` +
        `${line.pointCount} points, rmse ${percent(line.relativeRmse)}, largest residual ${percent(line.maxRelativeResidual)}`,
    ]),
    `times within the measured range are known to ±${percent(profile.origin.uncertaintyFraction)}`,
    ...fitNotes(fit),
  ];
  return `${comments.map((line) => `# ${line}\n`).join("")}${stringify([profileEntry(fit)], { lineWidth: 0 })}`;
}

export function renderFitTable(fit: FittedProfile): string {
  const rows = linesOf(fit).flatMap(({ name, line, parameters: [intercept, slope] }) => [
    [intercept, name, milliseconds(line.intercept), interval(line, "intercept"), ...residuals(line)],
    [slope, name, milliseconds(line.slope), interval(line, "slope"), ...residuals(line)],
  ]);
  const head = ["parameter", "of", "ms", "95 % ±", "points", "rmse", "largest residual"];
  return `${[renderTable(head, rows, [2, 3, 4, 5, 6]), ...fitNotes(fit)].join("\n")}\n`;
}

export function fitJson(fit: FittedProfile): unknown {
  return {
    model: fit.profile.model,
    profile: profileEntry(fit),
    uncertaintyFraction: fit.profile.origin.uncertaintyFraction,
    lines: linesOf(fit).map(({ name, line, parameters: [intercept, slope] }) => ({
      of: name,
      parameters: {
        [intercept]: { millis: line.intercept, halfWidthMillis: halfWidth(line, line.interceptError) },
        [slope]: { millis: line.slope, halfWidthMillis: halfWidth(line, line.slopeError) },
      },
      points: line.pointCount,
      relativeRmse: line.relativeRmse,
      maxRelativeResidual: line.maxRelativeResidual,
    })),
    notes: fitNotes(fit),
  };
}

interface NamedLine {
  readonly name: string;
  readonly line: IdentifiedLine;
  readonly parameters: readonly [intercept: string, slope: string];
}

function linesOf({ decode, prefill }: FittedProfile): NamedLine[] {
  return [
    ...(decode ? [{ name: "decode", line: decode, parameters: ["alpha", "beta"] } as const] : []),
    { name: decode ? "prefill" : "latency", line: prefill, parameters: ["gamma", "delta"] },
  ];
}

function parameter(name: string, line: IdentifiedLine, which: "intercept" | "slope"): string {
  const width = interval(line, which);
  return `${name} ${milliseconds(line[which])} ms${width === "-" ? "" : ` ± ${width}`}`;
}

function interval(line: IdentifiedLine, which: "intercept" | "slope"): string {
  const width = halfWidth(line, which === "intercept" ? line.interceptError : line.slopeError);
  return Number.isFinite(width) ? milliseconds(width) : "-";
}

function residuals(line: IdentifiedLine): readonly string[] {
  return [String(line.pointCount), percent(line.relativeRmse), percent(line.maxRelativeResidual)];
}

function milliseconds(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function percent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(2))} %`;
}

/** Six digits, which is more than any measurement has, without an exponent, which the spec does not read. */
function duration(milliseconds: number): string {
  const text = Number(milliseconds.toPrecision(6)).toFixed(9);
  return `${text.replace(/\.?0+$/, "")}ms`;
}
