import Table from "cli-table3";

/** A table as text, without colours; `rightAligned` are positions of columns. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  rightAligned: readonly number[],
): string {
  const result = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, index) => (rightAligned.includes(index) ? "right" : "left")),
  });
  for (const row of rows) result.push([...row]);
  return result.toString();
}
