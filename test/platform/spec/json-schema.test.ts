import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { platformSpecJsonSchema, propertiesAt } from "../../../platform/spec/json-schema.ts";
import { smallSpec } from "../../support/spec-fixture.ts";

const published: unknown = JSON.parse(readFileSync("schema/platform.schema.json", "utf8"));
const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(published as object);

describe("the published JSON Schema", () => {
  test("is what the sources say (npm run generate writes it)", () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(platformSpecJsonSchema)));
  });

  test.each(["dev", "test", "prod", "local"])(
    "accepts stacks/%s.yaml, which names it for editors",
    (stack) => {
      const text = readFileSync(`stacks/${stack}.yaml`, "utf8");
      expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=../schema/platform.schema.json");
      validate(parse(text));
      expect(validate.errors).toBeNull();
    },
  );

  test.each([
    ["an unknown key", smallSpec.replace("type: triton", "typ: triton")],
    ["a rate without its unit", smallSpec.replace("600/min", "600")],
    ["a missing key", smallSpec.replace("kind: Platform\n", "")],
  ])("refuses %s", (_what, text) => {
    expect(validate(parse(text))).toBe(false);
  });

  test("lists the keys that may stand at a path, through lists and alternatives", () => {
    expect(propertiesAt(platformSpecJsonSchema, ["engines", 0, "storage"])).toEqual(["dataset", "path"]);
    expect(propertiesAt(platformSpecJsonSchema, ["engines", 3, "models", 1, "traffic", 0, "load"])).toEqual([
      "rate",
      "daily",
      "inputTokens",
      "outputTokens",
      "outputDistribution",
    ]);
    expect(propertiesAt(platformSpecJsonSchema, ["nowhere"])).toEqual([]);
    expect(propertiesAt(platformSpecJsonSchema, ["nowhere", 0, "deeper", "still"])).toEqual([]);
    expect(propertiesAt(platformSpecJsonSchema, ["catalog", "deeper"])).toEqual([]);
  });

  test("lists the keys of a mapping whose own keys are free", () => {
    const entry = { properties: { weight: {} } };
    expect(propertiesAt({ additionalProperties: entry }, ["any"])).toEqual(["weight"]);
    expect(propertiesAt({ properties: { known: {} }, additionalProperties: entry }, ["known"])).toEqual([]);
    expect(propertiesAt({ additionalProperties: true }, ["any"])).toEqual([]);
    expect(propertiesAt({ additionalProperties: true }, ["any", "deeper"])).toEqual([]);
  });
});
