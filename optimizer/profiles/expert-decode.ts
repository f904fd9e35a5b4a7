import { fitLine } from "./line-fit.ts";

export interface DecodeLine {
  readonly interceptMs: number;
  readonly slopeMs: number;
  /** Largest relative distance between the line and the times it stands for. */
  readonly largestDeviation: number;
}

/**
 * The straight line that stands for decode times which do not grow evenly: the first sequences of a batch each bring
 * experts that must be read, the later ones mostly meet experts that are read already. Batches of one size after
 * doubling count the same, since a model is asked for at all of them; deviations are relative, as latency targets are.
 */
export function decodeLine(decodeMs: (sequences: number) => number, maxBatchSize: number): DecodeLine {
  const points = [{ x: 1, y: decodeMs(1) }];
  for (let sequences = 2; sequences < maxBatchSize; sequences *= 2) {
    points.push({ x: sequences, y: decodeMs(sequences) });
  }
  if (maxBatchSize > 1) points.push({ x: maxBatchSize, y: decodeMs(maxBatchSize) });
  if (points.length === 1) return { interceptMs: decodeMs(1), slopeMs: 0, largestDeviation: 0 };
  const line = fitLine(points);
  return { interceptMs: line.intercept, slopeMs: line.slope, largestDeviation: line.maxRelativeResidual };
}
