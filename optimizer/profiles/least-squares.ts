import { certain } from "../certain.ts";

/** What is left of a column that depends on others, relative to itself, is rounding of this size at the most. */
const dependent = 1e-10;

/**
 * Coefficients c that minimise the sum over all rows of (row·c - target)², by orthogonalising the columns one after the
 * other (modified Gram-Schmidt), which loses fewer digits than the normal equations do.
 *
 * @returns nothing where one column is, but for its last digits, a combination of the others.
 */
export function leastSquares(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
): number[] | undefined {
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, column) => rows.map((row) => certain(row[column])));
  const lengths = columns.map(norm);
  const residual = [...targets];
  const upper = columns.map(() => new Array<number>(width).fill(0));
  const projections: number[] = [];
  for (const [index, column] of columns.entries()) {
    const length = norm(column);
    if (!(length > dependent * certain(lengths[index]))) return undefined;
    certain(upper[index])[index] = length;
    for (const [row, value] of column.entries()) column[row] = value / length;
    for (let later = index + 1; later < width; later++) {
      const other = certain(columns[later]);
      const overlap = dot(column, other);
      certain(upper[index])[later] = overlap;
      subtract(other, column, overlap);
    }
    const share = dot(column, residual);
    projections.push(share);
    subtract(residual, column, share);
  }
  const coefficients = new Array<number>(width).fill(0);
  for (let index = width - 1; index >= 0; index--) {
    const row = certain(upper[index]);
    let value = certain(projections[index]);
    for (let later = index + 1; later < width; later++) {
      value -= certain(row[later]) * certain(coefficients[later]);
    }
    coefficients[index] = value / certain(row[index]);
  }
  return coefficients;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * certain(b[index]), 0);
}

function norm(values: readonly number[]): number {
  return Math.sqrt(dot(values, values));
}

function subtract(from: number[], values: readonly number[], factor: number): void {
  for (const [index, value] of values.entries()) from[index] = certain(from[index]) - factor * value;
}
