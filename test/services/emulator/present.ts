/** The value; a test ends where there is none. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a value is missing");
  return value;
}
