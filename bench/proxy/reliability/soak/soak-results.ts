import type { SoakAnswer } from "./soak-client.ts";
import { requestKinds, type RequestKind, type SoakRequest } from "./traffic.ts";

export interface KindResults {
  requests: number;
  /** Answered with 200 and the expected text. */
  right: number;
  /** Streams that broke and ended with an error event. */
  errorEvents: number;
  /** Failed, and nobody could have repeated them unnoticed. */
  notRepeatable: number;
  /** Failed although they could have been repeated, or a stream that broke without an error event. */
  lost: number;
  /** Answered with 200 and anything but the expected text. */
  wrong: number;
}

/** What is known of a failed request from the engines' side. */
export interface Circumstances {
  /** An engine was killed that had begun to answer it. */
  readonly begun: boolean;
  /** An engine was killed between the request's first byte and its failure, or a moment before. */
  readonly killedMeanwhile: boolean;
}

const mostExamples = 10;

/** Judges answers, by the kind of their requests. */
export class SoakResults {
  readonly kinds: Readonly<Record<RequestKind, KindResults>> = Object.fromEntries(
    requestKinds.map((kind) => [
      kind,
      { requests: 0, right: 0, errorEvents: 0, notRepeatable: 0, lost: 0, wrong: 0 },
    ]),
  ) as Record<RequestKind, KindResults>;
  /** The first answers that should not have been. */
  readonly examples: string[] = [];

  get broken(): number {
    return Object.values(this.kinds).reduce((total, { lost, wrong }) => total + lost + wrong, 0);
  }

  add(request: SoakRequest, answer: SoakAnswer, circumstances: () => Circumstances): void {
    const results = this.kinds[request.kind];
    results.requests++;
    const { status, text, complete } = answer;
    if (status === 200 && complete && text === request.expected) {
      results.right++;
      return;
    }
    const outcome = outcomeOf(request, answer, circumstances());
    results[outcome]++;
    if ((outcome === "lost" || outcome === "wrong") && this.examples.length < mostExamples) {
      const state = complete ? "complete" : "broken off";
      this.examples.push(
        `request ${request.number} (${request.kind}) ${outcome}: ${status}, ${state}: ${JSON.stringify(text.slice(0, 300))}`,
      );
    }
  }
}

/**
 * A request could have been repeated if no engine had begun to answer it and died, and, where its model is stateful, no
 * engine died while it was under way: of such an engine nobody knows what it had read. There are always engines in the
 * table that live, so a repetition always has a place to go.
 */
function outcomeOf(
  { kind, expected }: SoakRequest,
  { status, text, complete }: SoakAnswer,
  { begun, killedMeanwhile }: Circumstances,
): "errorEvents" | "notRepeatable" | "lost" | "wrong" {
  if (kind === "stream" && status === 200) {
    const broken = /^(?<before>[^]*)\ndata: \{"error":\{[^\n]*\}\}\n\n$/.exec(text);
    if (complete && broken) return begun && expected.startsWith(broken[1] ?? "") ? "errorEvents" : "wrong";
    return expected.startsWith(text) ? "lost" : "wrong";
  }
  if (status === 200 && (complete || !expected.startsWith(text))) return "wrong";
  const unrepeatable = begun || (kind === "stateful infer" && killedMeanwhile);
  return unrepeatable && (status === 200 || status === 502 || status === 0) ? "notRepeatable" : "lost";
}
