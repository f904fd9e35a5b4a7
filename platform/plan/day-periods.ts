import type { PlatformSpec } from "../spec/schema.ts";

const hoursPerDay = 24;

/**
 * Hours of the day (UTC) at which the load of any traffic of the platform changes, beginning with midnight; undefined
 * where none does. Between two of them all loads are constant.
 */
export function dayPeriods(spec: PlatformSpec): readonly number[] | undefined {
  const curves = spec.engines.flatMap(({ models }) =>
    models.flatMap(({ traffic }) => traffic.flatMap(({ load }) => (load.daily ? [load.daily] : []))),
  );
  const changes = Array.from({ length: hoursPerDay }, (_, hour) => hour).filter(
    (hour) => hour === 0 || curves.some((daily) => daily[hour] !== daily[hour - 1]),
  );
  return changes.length > 1 ? changes : undefined;
}

/** Hours that the period at the position lasts. */
export function hoursOf(periods: readonly number[], position: number): number {
  return (periods[position + 1] ?? hoursPerDay) - (periods[position] ?? 0);
}
