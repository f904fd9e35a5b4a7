import { records, textOrNumber, type Raw } from "../../spec/raw.ts";

/** The versions of a model as a spec writes them; the default where it names none. */
export function versionsInUse(model: Raw): readonly string[] {
  const several = records(model.versions).flatMap(({ entry }) => textOrNumber(entry.version) ?? []);
  return several.length > 0 ? several : [textOrNumber(model.version) ?? "1"];
}
