/** One sample of a Prometheus exposition. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const samplePattern = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;
const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;
const escapes: Readonly<Record<string, string>> = { "\\n": "\n", '\\"': '"', "\\\\": "\\" };

/** Reads the samples of a text exposition (format 0.0.4); comments and lines of another form are skipped. */
export function parseMetrics(text: string): MetricSample[] {
  return text.split("\n").flatMap((line): MetricSample[] => {
    const match = samplePattern.exec(line);
    if (!match) return [];
    const [, name = "", labelText = "", valueText = ""] = match;
    const labels = Object.fromEntries(
      [...labelText.matchAll(labelPattern)].map(([, key = "", value = ""]) => [
        key,
        value.replace(/\\[n"\\]/g, (escaped) => escapes[escaped] ?? escaped),
      ]),
    );
    return [{ name, labels, value: Number(valueText.replace("Inf", "Infinity")) }];
  });
}
