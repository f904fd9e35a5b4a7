import type { DiagnosticEvent, EngineEvent, OpType } from "@pulumi/pulumi/automation/index.js";
import { expect, test } from "vitest";
import { EngineProgress, renderProgress } from "../../../services/automation/engine-progress.ts";

const type = "kubernetes:apps/v1:Deployment";

function step(op: OpType, custom = true) {
  const urn = `urn:pulumi:prod::domino-inference::${type}::chat`;
  return { op, urn, type, provider: "", new: { custom } } as unknown as NonNullable<
    EngineEvent["resOutputsEvent"]
  >["metadata"];
}

const event = (fields: Partial<EngineEvent>): EngineEvent => ({ sequence: 1, timestamp: 0, ...fields });

const diagnostic = (message: string, severity: string): EngineEvent =>
  event({ diagnosticEvent: { message, severity, color: "never" } as DiagnosticEvent });

/** Lines that a user would see, with a clock that goes on by 1.5 s at every look. */
function lines(events: readonly EngineEvent[]): string[] {
  let nowMs = 0;
  const progress = new EngineProgress(() => (nowMs += 1500));
  return events.flatMap((one) => progress.take(one) ?? []).map(renderProgress);
}

test.each<[OpType, string]>([
  ["create", "created"],
  ["update", "updated"],
  ["delete", "deleted"],
  ["replace", "replaced"],
  ["import", "imported"],
])("tells start and end of %s with its duration", (op, word) => {
  const [metadata] = [step(op)];
  expect(
    lines([event({ resourcePreEvent: { metadata } }), event({ resOutputsEvent: { metadata } })]),
  ).toEqual([`${op} chat (${type}) ...`, `${word} chat (${type}) in 1.5 s`]);
});

test("tells only once that a component is there, which ends twice", () => {
  const metadata = step("create", false);
  const end = event({ resOutputsEvent: { metadata } });
  expect(lines([event({ resourcePreEvent: { metadata } }), end, end])).toEqual([
    `created chat (${type}) in 1.5 s`,
  ]);
});

test("tells what a preview would do, without durations", () => {
  const metadata = step("replace");
  const events = [
    event({ resourcePreEvent: { metadata, planning: true } }),
    event({ resOutputsEvent: { metadata, planning: true } }),
  ];
  expect(lines(events)).toEqual([`would replace chat (${type})`]);
});

test("is silent about what stays as it is", () => {
  const metadata = step("same");
  expect(
    lines([event({ resourcePreEvent: { metadata } }), event({ resOutputsEvent: { metadata } })]),
  ).toEqual([]);
});

test("tells what failed", () => {
  const metadata = step("create");
  const events = [
    event({ resourcePreEvent: { metadata } }),
    event({ resOpFailedEvent: { metadata, status: 1, steps: 0 } }),
  ];
  expect(lines(events).at(-1)).toBe(`FAILED create chat (${type}) in 1.5 s`);
});

test("keeps each error once, without colours and stack frames, and leaves out the SDK's trace and summary", () => {
  const progress = new EngineProgress();
  const texts = [
    diagnostic("Registering resource", "debug"),
    diagnostic("<{%reset%}>", "info"),
    diagnostic("<{%fg 1%}>quota exceeded<{%reset%}>\n    at create (node.js:1:2)\n", "error"),
    diagnostic("quota exceeded", "error"),
    diagnostic("One or more errors occurred: quota exceeded", "error"),
    diagnostic("slow", "warning"),
  ].flatMap((one) => progress.take(one) ?? []);
  expect(texts.map(renderProgress)).toEqual([
    "error: quota exceeded",
    "error: quota exceeded",
    "error: One or more errors occurred: quota exceeded",
    "warning: slow",
  ]);
  expect(progress.errors).toEqual(["quota exceeded"]);
});

test("tells violations of a policy pack, and counts the mandatory ones as errors", () => {
  const progress = new EngineProgress();
  const violation = (enforcementLevel: "mandatory" | "warning") =>
    event({
      policyEvent: {
        policyName: "images-pinned",
        resourceUrn: "urn:pulumi:prod::p::t::chat",
        message: "<{%reset%}>no tag",
        enforcementLevel,
        color: "never",
        policyPackName: "domino-inference",
        policyPackVersion: "0.1.0",
        policyPackVersionTag: "0.1.0",
      },
    });
  const texts = [violation("mandatory"), violation("warning")].flatMap((one) => progress.take(one) ?? []);
  expect(texts.map(renderProgress)).toEqual([
    "POLICY images-pinned chat: no tag",
    "policy images-pinned chat: no tag",
  ]);
  expect(progress.errors).toEqual(["policy images-pinned, chat: no tag"]);
});
