/**
 * Splits comma-separated text (RFC 4180) into rows of trimmed fields; a quoted field may contain commas, doubled quotes
 * and line breaks. Nothing where a quote is not closed, as in a file that was cut off.
 */
export function csvRows(text: string): string[][] | undefined {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length || row.length > 0) {
    const quoted = text[at] === '"';
    const end = quoted ? closingQuote(text, at + 1) : plainEnd(text, at);
    if (end === undefined) return undefined;
    row.push((quoted ? text.slice(at + 1, end).replaceAll('""', '"') : text.slice(at, end)).trim());
    at = quoted ? end + 1 : end;
    if (text[at] === ",") {
      at++;
      continue;
    }
    // After a closed quote only a comma or the end of the line may come.
    if (at < text.length && text[at] !== "\n" && text[at] !== "\r") return undefined;
    at += text.startsWith("\r\n", at) ? 2 : 1;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** Position of the quote that ends a field: the next one that is not doubled. */
function closingQuote(text: string, from: number): number | undefined {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') return at;
  }
  return undefined;
}

function plainEnd(text: string, from: number): number | undefined {
  let at = from;
  while (at < text.length && text[at] !== "," && text[at] !== "\n" && text[at] !== "\r") {
    // A quote within a plain field is no quotation: what it means is not defined.
    if (text[at] === '"') return undefined;
    at++;
  }
  return at;
}
