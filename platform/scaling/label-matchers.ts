/** The values that a label of a series may have. */
export type LabelValues = string | readonly string[];

/** `{name="value",other=~"a|b"}`: the label matchers of a PromQL selector. */
export function labelMatchers(labels: Readonly<Record<string, LabelValues>>): string {
  const matchers = Object.entries(labels).map(([name, values]) => {
    const [first, ...others] = typeof values === "string" ? [values] : [...new Set(values)].toSorted();
    return others.length === 0
      ? `${name}=${quoted(first ?? "")}`
      : `${name}=~${quoted([first ?? "", ...others].map(literal).join("|"))}`;
  });
  return `{${matchers.join(",")}}`;
}

/** A PromQL string. */
function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** A regular expression that matches the text alone. */
function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
