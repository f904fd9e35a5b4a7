/** A value that a test needs to be there; where it is not, the test fails here and says so. */
export function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error(`expected a value, found ${String(value)}`);
  return value;
}
