/**
 * Splits comma-separated text (RFC 4180) into rows of trimmed fields; a quoted field may contain commas, doubled quotes
 * and line breaks. Nothing where a quote is not closed, as in a file that was cut off.
 */
export function csvRows(text: string): string[][] | undefined {
  const rows: string[][] = [];
  let row: string[] = [];
  // One field at a time: quoted or plain, then what ends it.
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;
  while (field.lastIndex < text.length || row.length > 0) {
    const match = field.exec(text);
    if (!match) return undefined;
    row.push((match[1]?.replaceAll('""', '"') ?? match[2] ?? "").trim());
    if (match[3] === ",") {
      // A comma at the very end is followed by one more, empty field.
      if (field.lastIndex === text.length) row.push("");
      else continue;
    }
    rows.push(row);
    row = [];
  }
  return rows;
}
