/**
 * The value, where the code around it has made sure that there is one: an array at its own index, a map at its own
 * key. Throws where it has not, since that is a mistake of this program and never of a problem.
 */
export function certain<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError("optimizer: an element that must exist is missing");
  return value;
}
