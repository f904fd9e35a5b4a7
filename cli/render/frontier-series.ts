import type {
  DecisionChange,
  Frontier,
  FrontierCurve,
  FrontierPoint,
} from "../../platform/frontier/frontier.ts";
import { changeText, factorText, switches } from "./frontier-wording.ts";

/** Cost may outgrow budget and present cost by this before the axis stops following it. */
const followedRatio = 5;
/** Where the axis then ends, times the larger of budget and present cost: what is near them stays readable. */
const cutRatio = 2;
/** A budget further above the highest cost than this is said, not drawn: its line would flatten the curve. */
const drawnBudgetRatio = 1.5;
/** Room above the highest value. */
const headroom = 1.08;

/** Every accelerator on any curve, sorted: the same colour in all charts of a what-if. */
export function acceleratorsOf(frontier: Frontier): string[] {
  const pools = frontier.curves.flatMap((curve) => curve.points.flatMap((point) => point.nodePools));
  return [...new Set(pools.map((pool) => pool.accelerator))].toSorted();
}

/** Cost of the nodes that carry one accelerator. */
export function acceleratorUsdPerHour(point: FrontierPoint, accelerator: string): number {
  return point.nodePools
    .filter((pool) => pool.accelerator === accelerator)
    .reduce((sum, pool) => sum + pool.usdPerHour, 0);
}

export interface CostAxis {
  readonly topUsdPerHour: number;
  /** Absent where the spec has none, or where it is far above every cost. */
  readonly budgetUsdPerHour?: number;
}

/**
 * Where the cost axis ends. A jump to many times the present cost (the last cards of a kind are gone) would flatten all
 * that lies below it, so that the axis is then cut, and the chart says what is beyond.
 */
export function costAxis(frontier: Frontier, curve: FrontierCurve): CostAxis {
  const highest = Math.max(...curve.points.map((point) => point.usdPerHour));
  const base = curve.points.find(({ factor }) => factor === 1)?.usdPerHour ?? 0;
  const budget = frontier.budgetUsdPerHour;
  const drawn =
    budget !== undefined && budget <= highest * drawnBudgetRatio ? { budgetUsdPerHour: budget } : {};
  const familiar = Math.max(base, drawn.budgetUsdPerHour ?? 0);
  const cut = familiar > 0 && highest > familiar * followedRatio;
  const top = cut ? familiar * cutRatio : Math.max(highest, familiar) * headroom;
  return { topUsdPerHour: top || 1, ...drawn };
}

/** A stretch of the factor axis that the chart marks. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Highest cost in it. */
  readonly usdPerHour: number;
}

/** Stretches in which a condition holds; each point stands for the axis up to halfway to its neighbours. */
export function spansOf(
  points: readonly FrontierPoint[],
  condition: (point: FrontierPoint) => boolean,
): Span[] {
  const spans: Span[] = [];
  points.forEach((point, index) => {
    if (!condition(point)) return;
    const [from, to] = [edgeBefore(points, index), edgeBefore(points, index + 1)];
    const open = spans.at(-1);
    if (open?.to === from) {
      spans[spans.length - 1] = { ...open, to, usdPerHour: Math.max(open.usdPerHour, point.usdPerHour) };
    } else spans.push({ from, to, usdPerHour: point.usdPerHour });
  });
  return spans;
}

/** Middle between a point and the one before it; the point itself at either end of the axis. */
function edgeBefore(points: readonly FrontierPoint[], index: number): number {
  const right = points[index]?.factor;
  const left = points[index - 1]?.factor;
  return left !== undefined && right !== undefined ? Math.sqrt(left * right) : (left ?? right ?? 1);
}

/** A place on the factor axis where other cards are chosen. */
export interface SwitchMark {
  /** From 1, left to right; written into the chart and before each of its changes. */
  readonly number: number;
  readonly factor: number;
  readonly edge: number;
  readonly changes: readonly DecisionChange[];
}

export function switchMarks(curve: FrontierCurve): SwitchMark[] {
  return curve.points
    .map((point, index) => ({
      factor: point.factor,
      edge: edgeBefore(curve.points, index),
      changes: switches(point),
    }))
    .filter(({ changes }) => changes.length > 0)
    .map((mark, index) => ({ number: index + 1, ...mark }));
}

/** One line for each change at the place: `at 2x, chat: 8 of 4x H100-80G → 135 of 8x L40S`. */
export function switchTexts({ factor, changes }: SwitchMark): string[] {
  return changes.map((change) => `at ${factorText(factor)}, ${changeText(change)}`);
}
