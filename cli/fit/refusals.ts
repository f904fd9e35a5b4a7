import type { FitRefusal } from "../../optimizer/profiles/fit-profile.ts";
import type { LineRefusal, LineSubject } from "../../optimizer/profiles/identify-line.ts";
import type { Problem } from "../../platform/errors/platform-error.ts";

interface Subject {
  readonly time: string;
  readonly over: string;
  readonly parameters: string;
  /** What to measure more of. */
  readonly sweep: string;
}

const subjects: Readonly<Record<LineSubject, Subject>> = {
  itl: {
    time: "inter-token latency",
    over: "requests in flight",
    parameters: "alpha and beta",
    sweep: "Run the benchmark with several concurrencies, such as 1, 4, 16 and 64.",
  },
  ttft: {
    time: "time to first token of single requests",
    over: "prompt tokens",
    parameters: "gamma and delta",
    sweep:
      "Run the benchmark with concurrency 1 and several prompt lengths, such as 256, 1024 and 4096 tokens.",
  },
  latency: {
    time: "latency",
    over: "requests of a batch",
    parameters: "gamma and delta",
    sweep: "Measure several batch sizes, such as 1, 4 and 16.",
  },
};

/**
 * A refused fit as problems with their remedies.
 *
 * @param files the file of each point.
 */
export function fitProblems(refusals: readonly FitRefusal[], files: readonly string[]): Problem[] {
  return refusals.map((refusal): Problem => {
    if (refusal.kind === "invalid-point") {
      const { index, field, found, least, most } = refusal;
      return {
        code: "FIT_MEASUREMENT_INVALID",
        message: `${files[index] ?? "the file"} has ${field} ${found}`,
        allowed: `${least} to ${most}`,
      };
    }
    if (refusal.kind === "mostly-prefill") {
      return {
        code: "FIT_NOT_IDENTIFIED",
        message:
          `at ${digits(refusal.batch)} requests in flight, the prompts of others would take ` +
          `${percent(refusal.found)} of the inter-token latency: nothing is left for decoding`,
        remedy:
          "Leave the point out, measure with longer answers, or give --disaggregated where prefill runs on other replicas.",
      };
    }
    const subject = subjects[refusal.measured];
    return {
      code: "FIT_NOT_IDENTIFIED",
      message: `${subject.parameters}: ${reason(refusal, subject)}`,
      remedy: remedy(refusal, subject),
    };
  });
}

function reason({ kind, points, found, allowed }: LineRefusal, { time, over }: Subject): string {
  switch (kind) {
    case "no-points":
      return `no point has the ${time}`;
    case "one-value":
      return `all ${points} points with the ${time} have ${digits(found)} ${over}`;
    case "narrow-range":
      return `the most ${over} of a point with the ${time} are only ${digits(found)} times the fewest, and must be ${allowed} times`;
    case "falling":
      return `the ${time} falls by ${percent(-found)} from the fewest to the most ${over}`;
    case "negative-start":
      return `the line through the ${time} would start below 0, by ${percent(-found)} of the smallest time`;
    case "no-line":
      return `the ${time} of the ${points} points is known to ±${percent(found)} only, which is no better than an estimate (±${percent(allowed)})`;
  }
}

function remedy({ kind, measured }: LineRefusal, { sweep }: Subject): string {
  switch (kind) {
    case "falling":
      return "Look for a run that did not warm up or shared its GPU; the times must come from one and the same deployment.";
    case "negative-start":
      return "Measure nearer to the lengths that are served: the times bend upwards beyond them.";
    case "no-line":
      return measured === "itl"
        ? "Leave out points of other prompt lengths or beyond saturation, and repeat runs that vary."
        : "Repeat the runs that vary.";
    default:
      return sweep;
  }
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function percent(fraction: number): string {
  return `${digits(fraction * 100)} %`;
}
